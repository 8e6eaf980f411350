import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { KubexmError } from '../../errors/index.js';
import { plural } from '../../logger/index.js';
import { importPki } from '../../runtime/pki-archive.js';
import { Secret } from '../../secrets/index.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { type Io, note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { withRuntime } from '../session.js';
import { archivePassphrase } from './archive-secret.js';

interface ImportOptions extends CommonOptions {
  readonly identity?: string;
  readonly passphraseFrom?: string;
}

/** `kubexm certs import FILE` */
export async function run({ options, args: [file = ''], io }: Invocation<ImportOptions>): Promise<void> {
  const cluster = await loadConfig(options.config, io);
  const { name } = cluster.metadata;
  const path = resolve(io.cwd, file);
  const key =
    options.identity === undefined
      ? { passphrase: await archivePassphrase(io, { from: options.passphraseFrom }) }
      : { identities: await identitiesOf(io, resolve(io.cwd, options.identity)) };
  await withRuntime({ cluster, io, exclusive: true }, async ({ workDirs }) => {
    const { time, written, same } = await importPki({ workDirs, cluster: name, path, key });
    if (options.output === 'json') return printJson(io, { cluster: name, path, time, written, same });
    print(io, `Of ${time}: ${plural(written.length, 'file')} written, ${same.length} there already.`);
    note(io, 'Next: kubexm certs list');
  });
}

async function identitiesOf(io: Io, path: string): Promise<Secret> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new KubexmError('SECRET_MISSING', `the identity file ${path} cannot be read`, { cause, retryable: false });
  });
  const secret = new Secret(text);
  io.redactor.add(secret);
  return secret;
}
