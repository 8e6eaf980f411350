import { hostPaths } from '../../common/host-paths.js';
import { type After, type Draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import { makeDirectory, removeStrayFiles, type StepContext } from '../../step/index.js';
import type { PlanContext } from '../context.js';
import { encryptionKey, encryptionPass } from '../encryption/passes.js';
import { auditSettings, ownAuditFiles } from './audit.js';
import { servingHosts } from './init-host.js';

/**
 * What kube-apiserver reads beside its certificates: the audit policy and the keys for etcd. It is there before a manifest that
 * names it.
 */
export function controlPlaneFiles(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { hosts, after }: { readonly hosts: readonly HostName[]; readonly after: After },
): readonly Ref[] {
  return [...auditFiles(g, ctx, hosts, after), ...keys(g, ctx, hosts, after)];
}

/** Files of policies that no apiserver uses any more go, once every one runs with the new. */
export function removeOldAuditFiles(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { hosts, after }: { readonly hosts: readonly HostName[]; readonly after: After },
): void {
  const keep = auditSettings(ctx)?.files.map(({ name }) => name) ?? [];
  const step = removeStrayFiles({ directory: hostPaths.audit, own: ownAuditFiles, keep });
  g.add('remove-old-audit-files', hosts, step, { after });
}

function auditFiles(g: Draft<StepContext>, ctx: PlanContext, hosts: readonly HostName[], after: After): readonly Ref[] {
  const audit = auditSettings(ctx);
  if (audit === undefined) return [];
  const directory = g.add('make-audit-directory', hosts, makeDirectory({ path: hostPaths.audit, mode: 0o700 }), {
    after,
  });
  const log = g.add('make-audit-log-directory', hosts, makeDirectory({ path: audit.logDirectory, mode: 0o700 }), {
    after,
  });
  const files = audit.files.map(({ part, place }) =>
    g.add(`place-audit-${part}`, hosts, place, { after: sameHost(directory) }),
  );
  return [log, ...files];
}

/** Those that serve keep what they write with: what changes is seen through when all have it. */
function keys(g: Draft<StepContext>, ctx: PlanContext, hosts: readonly HostName[], after: After): readonly Ref[] {
  if (ctx.cluster.spec.kubernetes.encryptionAtRest === undefined || hosts.length === 0) return [];
  const serving = servingHosts(ctx);
  const made = encryptionKey(g, ctx);
  const place = (host: HostName) =>
    encryptionPass(ctx, host, serving.includes(host) ? { phase: 'readable', placeOnly: true } : { phase: 'new' });
  return [g.addEach('place-keys', hosts, place, { after: [made, after] })];
}
