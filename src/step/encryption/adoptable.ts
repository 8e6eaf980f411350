import { createHash } from 'node:crypto';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { defineStep, satisfied } from '../define.js';
import { encryptionFile } from '../kube/foreign-keys.js';
import { missingHere } from './keys.js';
import { keysOf, providerText } from './providers.js';
import { providersOf } from './stored.js';

/** What a work directory could take over of a control plane's keys. No keys: names, and digests to compare. */
export interface AdoptableKeys {
  /** The file that kube-apiserver is told to read. Absent: none. */
  readonly reads?: string;
  /** Digest of that file where it is not kubexm's. Absent: it is not there. */
  readonly digest?: string;
  /** Of kubexm's file by resource, in its order: `secretbox key-20260102030405`, `clear`. Empty: it is not there. */
  readonly providers: Readonly<Record<string, readonly string[]>>;
  /** Digests of its keys by their names. */
  readonly keys: Readonly<Record<string, string>>;
  /** Names of those that the work directory has not. */
  readonly missing: readonly string[];
  /** Why the file, or the work directory beside it, cannot be taken. */
  readonly refusal?: { readonly message: string; readonly details: readonly string[]; readonly hint: string };
}

/** `report`: name of the log event that carries the `AdoptableKeys`; `keyFile`: of the control machine. */
export const readAdoptableKeys = defineStep<{ readonly report: string; readonly keyFile: string }>({
  kind: 'encryption.read-adoptable',
  title: () => 'Read with which keys the control plane works, and which this machine has',
  recheck: false,
  async precheck(ctx, p) {
    const { host, signal } = ctx;
    const manifest = await host.readFile(`${hostPaths.kubernetes}/manifests/kube-apiserver.yaml`, { signal });
    const reads = encryptionFile(manifest ?? '');
    const tell = (found: AdoptableKeys) => {
      ctx.log('debug', p.report, { ...(reads === undefined ? {} : { reads }), ...found });
      return satisfied(`${Object.keys(found.keys).length} keys`);
    };
    const none = { providers: {}, keys: {}, missing: [] };
    if (reads !== undefined && reads !== hostPaths.encryption.config) {
      const file = await host.stat(reads, { sha256: true, signal });
      return tell(file?.sha256 === undefined ? none : { ...none, digest: file.sha256 });
    }
    try {
      const found = await providersOf(ctx);
      const missing = await missingHere(ctx, p.keyFile);
      return tell({
        providers: Object.fromEntries([...found].map(([name, list]) => [name, list.map(providerText)])),
        keys: Object.fromEntries(
          keysOf(found).map(({ name, type, secret }) => [
            name,
            createHash('sha256').update(`${type} ${secret}`).digest('hex'),
          ]),
        ),
        missing: missing.map(({ name }) => name),
      });
    } catch (error) {
      if (!(error instanceof KubexmError) || !['GUARD_REFUSED', 'PKI_BROKEN'].includes(error.code)) throw error;
      const { message, details, hint = '' } = error;
      return tell({ ...none, refusal: { message, details, hint } });
    }
  },
  run: () => Promise.resolve(),
});
