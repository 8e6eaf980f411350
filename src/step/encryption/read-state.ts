import { defineStep, satisfied } from '../define.js';
import { readKeys } from './key-file.js';
import { providerText } from './providers.js';
import { type EtcdAccess, providersOf, resourcesInAll, storedObjects } from './stored.js';

/** What one control plane is told of encryption. No keys, only their names. */
export interface EncryptionReport {
  /** By resource, in the order of the file: `secretbox key-20260102030405`, `clear`. Empty: it has no file. */
  readonly providers: Readonly<Record<string, readonly string[]>>;
}

/** How etcd holds the objects, by resource: counts by `secretbox key-20260102030405` or `clear`. */
export interface StoredReport {
  readonly stored: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Names of the work directory's keys, the newest first. */
  readonly keys: readonly string[];
}

/** `report`: name of the log event that carries the `EncryptionReport`. */
export interface ReadEncryption {
  readonly report: string;
}

export const readEncryption = defineStep<ReadEncryption>({
  kind: 'encryption.read',
  title: () => 'Read with which keys the control plane works',
  recheck: false,
  async precheck(ctx, p) {
    const found = await providersOf(ctx);
    const providers = Object.fromEntries([...found].map(([name, list]) => [name, list.map(providerText)]));
    ctx.log('debug', p.report, { providers } satisfies EncryptionReport);
    return satisfied(`${found.size} resources`);
  },
  run: () => Promise.resolve(),
});

/** `resources`: looked at besides those that the control plane names. */
export interface ReadStored extends ReadEncryption {
  readonly resources: readonly string[];
  readonly etcd: EtcdAccess;
  readonly keyFile: string;
}

export const readStored = defineStep<ReadStored>({
  kind: 'encryption.read-stored',
  title: () => 'Read how etcd holds the objects',
  recheck: false,
  async precheck(ctx, p) {
    const resources = await resourcesInAll(ctx, p.resources);
    const stored: Record<string, Record<string, number>> = {};
    for (const resource of resources) {
      const counts: Record<string, number> = {};
      for (const { writtenWith } of await storedObjects(ctx, p.etcd, resource)) {
        const [, , type, , key] = writtenWith.split(':');
        const how = writtenWith === '' ? 'clear' : `${type} ${key}`;
        counts[how] = (counts[how] ?? 0) + 1;
      }
      stored[resource] = counts;
    }
    const keys = (await readKeys(p.keyFile)).map(({ name }) => name);
    ctx.log('debug', p.report, { stored, keys } satisfies StoredReport);
    return satisfied(`${resources.length} resources`);
  },
  run: () => Promise.resolve(),
});
