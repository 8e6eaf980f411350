import { createHash } from 'node:crypto';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { Secret } from '../../secrets/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { newestKey, plainKey, readKeys } from './key-file.js';
import { awaitLoaded, notLoaded } from './loaded.js';
import {
  configText,
  forNewcomer,
  inPhase,
  keysOf,
  type Phase,
  type Providers,
  parseConfig,
  providerText,
  type Target,
} from './providers.js';

const { directory, config } = hostPaths.encryption;
const manifest = `${hostPaths.kubernetes}/manifests/kube-apiserver.yaml`;

/** `keyFile`: of the control machine; its newest key is the one to write with. */
export interface PlaceEncryptionConfig {
  readonly keyFile: string;
  /** What is encrypted in the end; empty: nothing. */
  readonly resources: readonly string[];
  /** `new`: the host is no control plane yet. */
  readonly phase: Phase | 'new';
  /** `https://10.0.0.11:6443`: the apiserver of the host itself. */
  readonly apiserver: string;
  /** The static pods are looked at next, and whether they work with it after that. Default false. */
  readonly placeOnly?: boolean;
  /** Resources that are encrypted and not among these may be written in clear again. Default false: that is refused. */
  readonly decrypting?: boolean;
}

const titles = {
  new: 'Bring the keys for etcd',
  readable: 'Let kube-apiserver read what the key encrypts',
  writing: 'Let kube-apiserver write with the key',
  final: 'Leave no key that is not used',
} as const;

/**
 * One pass of a change of keys on a control plane. The apiserver loads the file by itself, without a restart; the step ends when
 * it has.
 */
export const placeEncryptionConfig = defineStep<PlaceEncryptionConfig>({
  kind: 'encryption.place',
  title: ({ phase }) => titles[phase],
  policy: { timeoutMs: 300_000 },
  async precheck(ctx, p) {
    const found = await current(ctx);
    if (p.decrypting !== true && p.phase !== 'new') refuseDecryption(ctx.host.name, found?.providers, p.resources);
    if (found === undefined && p.resources.length === 0) return satisfied('there is nothing to encrypt');
    const text = await configText(await wanted(p, found?.providers));
    if (found === undefined) return needed('there is none yet');
    if (found.text !== text) return needed(`now ${summary(found.providers)}`);
    if (found.openMode) return needed('it is open to others');
    if (p.phase === 'new' || p.placeOnly === true) return satisfied('the file is as wanted');
    if (!(await readsConfig(ctx))) {
      // Without keys it reads what is in clear, which is then everything.
      return p.resources.length === 0
        ? satisfied('kube-apiserver needs no keys')
        : needed('kube-apiserver does not read it');
    }
    const because = await notLoaded(ctx, { apiserver: p.apiserver, sha256: sha256Of(text) });
    return because === undefined ? satisfied('kube-apiserver works with it') : needed(because);
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    const found = await current(ctx);
    const text = await configText(await wanted(p, found?.providers));
    const waits = p.phase !== 'new' && p.placeOnly !== true;
    const reads = waits && (await readsConfig(ctx));
    if (waits && !reads && p.resources.length > 0) {
      throw new KubexmError('GUARD_REFUSED', `${host.name}: kube-apiserver does not read ${config}`, {
        details: [`${manifest} lacks --encryption-provider-config`],
        hint: 'kubexm cluster create brings it to the cluster file',
        retryable: false,
      });
    }
    if (found?.text !== text || found.openMode) {
      await host.run(sh`mkdir -p -m 0700 ${directory} && chmod 0700 ${directory}`, { signal });
      await host.writeFile(config, new Secret(text), { mode: 0o600, signal });
    }
    if (reads) await awaitLoaded(ctx, { apiserver: p.apiserver, sha256: sha256Of(text) });
  },
});

interface Found {
  readonly text: string;
  readonly providers: Providers;
  readonly openMode: boolean;
}

async function current({ host, signal }: StepContext): Promise<Found | undefined> {
  const [text, info] = await Promise.all([host.readFile(config, { signal }), host.stat(config, { signal })]);
  if (text === undefined) return undefined;
  const providers = await parseConfig(text, `${host.name}: ${config}`);
  return { text, providers, openMode: ((info?.mode ?? 0) & 0o077) !== 0 };
}

async function wanted(p: PlaceEncryptionConfig, found: Providers | undefined): Promise<Providers> {
  const { keyFile, resources, phase } = p;
  const key = plainKey(await newestKey(keyFile));
  const [, ...others] = await readKeys(keyFile);
  const older = others.filter(({ retired }) => retired !== true).map(plainKey);
  const target: Target = { key, resources, older };
  return phase === 'new' ? forNewcomer(target) : inPhase(found ?? new Map(), target, phase);
}

/** Whether the apiserver of this host is one that reads the file. */
async function readsConfig({ host, signal }: StepContext): Promise<boolean> {
  return (await host.readFile(manifest, { signal }))?.includes(`--encryption-provider-config=${config}`) ?? false;
}

function refuseDecryption(host: string, found: Providers | undefined, resources: readonly string[]): void {
  const left = [...(found ?? [])]
    .filter(([resource, [first]]) => !resources.includes(resource) && first !== undefined && first.type !== 'identity')
    .map(([resource]) => resource);
  if (left.length === 0) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    `${host}: ${left.join(', ')} is encrypted in etcd, and the cluster file does not ask for that any more`,
    {
      hint: `kubexm secrets decrypt writes it in clear again; or name it in spec.kubernetes.encryptionAtRest.resources`,
      retryable: false,
    },
  );
}

function summary(providers: Providers): string {
  const lists = [...providers].map(([resource, list]) => `${resource}: ${list.map(providerText).join(', ')}`);
  return keysOf(providers).length === 0 ? 'without a key' : lists.join('; ');
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
