import { readFile } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { unlessMissing } from '../../util/system-error.js';
import { writePrivate } from '../pki/files.js';
import type { EncryptionKey } from './providers.js';

/** A key of the control machine. `retired`: no control plane has it any more; a snapshot from before may still need it. */
export interface KeptKey extends EncryptionKey {
  readonly retired?: boolean;
}

/** The keys of the work directory, the newest first; none where there is no file. */
export async function readKeys(path: string): Promise<readonly KeptKey[]> {
  const text = await unlessMissing(readFile(path, 'utf8'));
  if (text === undefined) return [];
  try {
    const { keys } = JSON.parse(text) as { readonly keys: readonly KeptKey[] };
    return inOrder(keys);
  } catch {
    // No cause: the parser's words would show a part of the file.
    throw new KubexmError('PKI_BROKEN', `${path} holds no keys that can be read`, {
      hint: 'put the file back from a backup; or move it away: the keys are read back from the control planes',
      retryable: false,
    });
  }
}

export async function writeKeys(path: string, keys: readonly KeptKey[]): Promise<void> {
  await writePrivate(path, `${JSON.stringify({ keys: inOrder(keys) }, null, 1)}\n`);
}

/** The key that everything is to be written with. Throws where there is none: the step before makes it. */
export async function newestKey(path: string): Promise<KeptKey> {
  const [newest] = await readKeys(path);
  if (newest !== undefined) return newest;
  throw new KubexmError('SECRET_MISSING', `${path} holds no key`, {
    hint: 'kubexm cluster create makes one, or reads it back from the control planes',
    retryable: false,
  });
}

/** The key as a control plane has it. */
export function plainKey({ name, type, secret }: KeptKey): EncryptionKey {
  return { name, type, secret };
}

function inOrder(keys: readonly KeptKey[]): readonly KeptKey[] {
  return keys.toSorted((a, b) => (a.name < b.name ? 1 : -1));
}
