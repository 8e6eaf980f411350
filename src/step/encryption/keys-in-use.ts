import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { readKeys, writeKeys } from './key-file.js';
import { keysOf } from './providers.js';
import { type EtcdAccess, providersOf, resourcesInAll, storedObjects } from './stored.js';

/** `keyFile`: of the control machine. */
export interface KeysInUse {
  readonly keyFile: string;
  readonly resources: readonly string[];
  readonly etcd: EtcdAccess;
}

/**
 * Looks with which keys objects are written, as after a snapshot from before a rotation came back: a key of the work directory
 * that is needed again is brought to the control planes by the passes that follow. One that nobody has is an error.
 */
export const keysInUse = defineStep<KeysInUse>({
  kind: 'encryption.in-use',
  title: () => 'Look which keys the objects in etcd need',
  async precheck(ctx, p) {
    const again = await neededAgain(ctx, p);
    return again.length === 0 ? satisfied('they are in use') : needed(`${again.join(', ')} is needed again`);
  },
  async run(ctx, p) {
    const again = await neededAgain(ctx, p);
    const keys = await readKeys(p.keyFile);
    await writeKeys(
      p.keyFile,
      keys.map((key) => (again.includes(key.name) ? { ...key, retired: false } : key)),
    );
  },
});

/** Names of keys that were put aside, and that objects are written with. */
async function neededAgain(ctx: StepContext, { keyFile, resources, etcd }: KeysInUse): Promise<readonly string[]> {
  const keys = await readKeys(keyFile);
  const there = keysOf(await providersOf(ctx)).map(({ name }) => name);
  const used = new Map<string, string>();
  for (const resource of await resourcesInAll(ctx, resources)) {
    for (const { name, writtenWith } of await storedObjects(ctx, etcd, resource)) {
      const key = writtenWith.split(':')[4];
      if (key !== undefined && key !== '') used.set(key, `${resource} ${name}`);
    }
  }
  const missing = [...used].filter(([key]) => !there.includes(key) && !keys.some(({ name }) => name === key));
  if (missing.length > 0) {
    throw new KubexmError(
      'GUARD_REFUSED',
      `${ctx.host.name}: objects in etcd are written with keys that are neither here nor there`,
      {
        details: missing.map(([key, object]) => `${key}: ${object}`),
        hint: `put the key back into ${keyFile} from a backup of the work directory, then run the same command again`,
        retryable: false,
      },
    );
  }
  return keys.filter(({ name, retired }) => retired === true && used.has(name)).map(({ name }) => name);
}
