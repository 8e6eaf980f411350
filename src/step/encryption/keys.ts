import { randomBytes } from 'node:crypto';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { closeToOthers, modeFault } from '../pki/files.js';
import { readKeys, writeKeys } from './key-file.js';
import { type EncryptionKey, type KeyType, keysOf, parseConfig, same } from './providers.js';

const path = hostPaths.encryption.config;

/** `keyFile`: of the control machine. */
interface KeyFile {
  readonly keyFile: string;
}

/**
 * Keys that a control plane has and this machine has not are brought here: a lost work directory costs no key. Keys of which
 * none is the same are not those of this cluster, and nothing is done with them.
 */
export const readBackKeys = defineStep<KeyFile>({
  kind: 'encryption.read-back',
  title: () => 'Compare the keys of the work directory with those of the control plane',
  async precheck(ctx, { keyFile }) {
    const missing = await missingHere(ctx, keyFile);
    return missing.length === 0
      ? satisfied('this machine has every key of the host')
      : needed(`${names(missing)} is not on this machine`);
  },
  async run(ctx, { keyFile }) {
    const missing = await missingHere(ctx, keyFile);
    await writeKeys(keyFile, [...missing, ...(await readKeys(keyFile))]);
    ctx.log('warn', `${names(missing)} was read back from ${ctx.host.name} into ${keyFile}`);
  },
});

/** Keys of a control plane that the work directory has not. Throws where the two do not fit together. */
export async function missingHere({ host, signal }: StepContext, keyFile: string): Promise<readonly EncryptionKey[]> {
  const text = await host.readFile(path, { signal });
  if (text === undefined) return [];
  const there = keysOf(await parseConfig(text, `${host.name}: ${path}`));
  const here = await readKeys(keyFile);
  const known = there.filter((key) => here.some((own) => same(own, key)));
  const changed = there.filter((key) => here.some((own) => own.name === key.name && !same(own, key)));
  if (changed.length > 0 || (there.length > 0 && here.length > 0 && known.length === 0)) {
    throw new KubexmError('GUARD_REFUSED', `${host.name}: its keys are not those of this work directory`, {
      details: [`there: ${names(there)}`, `here: ${names(here)}`, 'with other keys nothing in etcd could be read'],
      hint: `move ${keyFile} away, then run the same command again: the keys are read back from the control planes`,
      retryable: false,
    });
  }
  return there.filter((key) => !known.includes(key));
}

/** `replaces`: name of the newest key, where it is to be followed by another. */
export interface MakeEncryptionKey extends KeyFile {
  readonly type: KeyType;
  readonly replaces?: string;
}

const makeKind = 'encryption.key';

/** Makes the key that objects are encrypted with. It is in that file and on the control planes, and nowhere else. */
export const makeEncryptionKey = defineStep<MakeEncryptionKey>({
  kind: makeKind,
  title: ({ type }) => `Have a key for ${type}`,
  async precheck(ctx, p) {
    requireControlNode(ctx, makeKind);
    const because = await whyNew(p);
    if (because !== undefined) return needed(because);
    const fault = await modeFault(p.keyFile);
    return fault === undefined ? satisfied('it is there') : needed(fault);
  },
  async run(_ctx, p) {
    const keys = await readKeys(p.keyFile);
    if ((await whyNew(p)) !== undefined) {
      const key = { name: nextName(keys[0]?.name), type: p.type, secret: randomBytes(32).toString('base64') };
      await writeKeys(p.keyFile, [key, ...keys]);
    }
    await closeToOthers(p.keyFile);
  },
});

async function whyNew({ keyFile, type, replaces }: MakeEncryptionKey): Promise<string | undefined> {
  const [newest] = await readKeys(keyFile);
  if (newest === undefined) return 'there is none yet';
  if (newest.type !== type) return `${newest.name} is one for ${newest.type}`;
  return newest.name === replaces ? `${newest.name} is to be replaced` : undefined;
}

/** Later than every other, also where the clock was put back. */
function nextName(newest: string | undefined): string {
  const now = BigInt(new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14));
  const last = BigInt(newest?.replaceAll(/\D/g, '') ?? 0);
  return `key-${now > last ? now : last + 1n}`;
}

/** Notes which keys no control plane has any more. They stay: a snapshot from before needs them. */
export const retireKeys = defineStep<KeyFile>({
  kind: 'encryption.retire',
  title: () => 'Note which keys are in use no more',
  async precheck(ctx, { keyFile }) {
    requireControlNode(ctx, 'encryption.retire');
    const [, ...older] = await readKeys(keyFile);
    const open = older.filter(({ retired }) => retired !== true);
    return open.length === 0 ? satisfied('there are none') : needed(`${names(open)} is replaced`);
  },
  async run(_ctx, { keyFile }) {
    const keys = await readKeys(keyFile);
    await writeKeys(
      keyFile,
      keys.map((key, i) => (i === 0 ? key : { ...key, retired: true })),
    );
  },
});

function names(keys: readonly EncryptionKey[]): string {
  return keys.map(({ name }) => name).join(', ');
}
