import { type After, CONTROL_NODE, type Draft, type HostName, type Ref } from '../../plan/index.js';
import {
  keysInUse,
  makeEncryptionKey,
  type PlaceEncryptionConfig,
  placeEncryptionConfig,
  readBackKeys,
  retireKeys,
  rewriteObjects,
  type StepContext,
  sameControlPlanes,
} from '../../step/index.js';
import { hostsWithRole, type PlanContext } from '../context.js';
import { apiserverUrl } from '../kubernetes/apiserver-url.js';
import { initHost, servingHosts } from '../kubernetes/init-host.js';
import { encryptedResources, encryptionKeyFile, etcdAccess } from './settings.js';

/** Defaults of the config where there is nothing to encrypt: the key that is there is not looked at. */
const defaultType = 'secretbox';

/**
 * The key on the control machine, once it is known that no control plane has another. `replaces`: name of the newest, where it
 * is to be followed by a new one.
 */
export function encryptionKey(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { replaces }: { readonly replaces?: string } = {},
): Ref {
  const before = knownKeys(g, ctx);
  const type = ctx.cluster.spec.kubernetes.encryptionAtRest?.provider ?? defaultType;
  const step = makeEncryptionKey({
    keyFile: encryptionKeyFile(ctx),
    type,
    ...(replaces === undefined ? {} : { replaces }),
  });
  return g.shared('/pki/kubernetes/encryption-key', [CONTROL_NODE], step, { after: before });
}

/** Keys of control planes that the work directory lacks are in it: one host after the other, since they write the same file. */
export function knownKeys(g: Draft<StepContext>, ctx: PlanContext): After {
  const step = readBackKeys({ keyFile: encryptionKeyFile(ctx) });
  let before: After = [];
  for (const host of servingHosts(ctx))
    before = g.shared(`/pki/kubernetes/encryption-key-of-${host}`, [host], step, { after: before });
  return before;
}

/** One pass on one host. */
export function encryptionPass(
  ctx: PlanContext,
  host: HostName,
  pass: Pick<PlaceEncryptionConfig, 'phase' | 'placeOnly' | 'decrypting'>,
) {
  return placeEncryptionConfig({
    keyFile: encryptionKeyFile(ctx),
    resources: encryptedResources(ctx),
    apiserver: apiserverUrl(ctx, host),
    ...pass,
  });
}

/** `written`: every apiserver writes as wanted; `done`: so is everything written, and no other key is left. */
export interface SeenThrough {
  readonly written: Ref;
  readonly done: Ref;
}

/**
 * From what the control planes and etcd have to what the config asks for, in passes: all can read what is to come, then all
 * write so, then every object is written anew, then what nothing needs any more goes. Whoever is interrupted begins again:
 * each pass looks at what is there.
 */
export function seeEncryptionThrough(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { after, decrypting = false }: { readonly after: After; readonly decrypting?: boolean },
): SeenThrough {
  const hosts = servingHosts(ctx);
  const speaker = hosts.length > 0 ? [initHost(ctx)] : [];
  const keyFile = encryptionKeyFile(ctx);
  const resources = encryptedResources(ctx);
  const nodes = hostsWithRole(ctx, 'control-plane');
  const everywhere = (name: string, phase: PlaceEncryptionConfig['phase'], before: After) =>
    g.addEach(name, hosts, (host) => encryptionPass(ctx, host, { phase, ...(decrypting ? { decrypting } : {}) }), {
      after: before,
    });
  const used = g.add('keys-in-use', speaker, keysInUse({ keyFile, resources, etcd: etcdAccess(ctx) }), { after });
  const readable = everywhere('keys-readable', 'readable', used);
  const known = g.add('same-control-planes', speaker, sameControlPlanes({ nodes, keyFile, resources }), {
    after: readable,
  });
  const written = everywhere('keys-writing', 'writing', known);
  const rewritten = g.add('rewrite-objects', speaker, rewriteObjects({ keyFile, resources, etcd: etcdAccess(ctx) }), {
    after: written,
  });
  const final = everywhere('keys-final', 'final', rewritten);
  const done = g.add('retire-keys', hosts.length > 0 ? [CONTROL_NODE] : [], retireKeys({ keyFile }), { after: final });
  return { written, done };
}
