import { KubexmError } from '../../errors/index.js';
import { draft, type HostName } from '../../plan/index.js';
import { type StepContext, saveEtcdSnapshot } from '../../step/index.js';
import type { Fragment, PlanContext } from '../context.js';
import { etcdMembers } from './endpoints.js';
import { type EtcdObservation, isCorrupt, isSound } from './observation.js';

export { etcdSnapshotReport, type SavedEtcdSnapshot } from '../../step/index.js';

/**
 * The verified snapshot that stands before everything which could cost data: include it first, and let all else wait for
 * its Ref. Throws GUARD_REFUSED where etcd cannot serve one; ask `whyNoSnapshot` first where the user may go on without.
 */
export function snapshotFirst(
  ctx: PlanContext,
  observed: EtcdObservation,
  { copyTo, spare }: { readonly copyTo?: string; readonly spare?: string } = {},
): Fragment {
  const { cluster } = ctx;
  const { etcd, kubernetes } = cluster.spec;
  const source = sourceOf(ctx, observed);
  if (source === undefined || etcd.type === 'external') {
    throw new KubexmError('GUARD_REFUSED', `no snapshot of etcd can be taken: ${whyNoSnapshot(ctx, observed) ?? ''}`, {
      details: observed.failures.map(({ host, message }) => `${host}: ${message}`),
      hint: `bring a quorum of the members back (kubexm etcd members says which are missing)`,
      retryable: false,
    });
  }
  const g = draft<StepContext>('snapshot');
  const { host, endpoint } = source;
  g.add(
    'save',
    [host],
    saveEtcdSnapshot({
      cluster: cluster.metadata.name,
      member: host,
      endpoint,
      dir: etcd.backup.dir,
      keep: etcd.backup.keep,
      kubernetesVersion: kubernetes.version,
      localDir: ctx.workDirs.etcdBackupsDir,
      ...(copyTo === undefined ? {} : { copyTo }),
      ...(spare === undefined ? {} : { spare }),
    }),
  );
  return g.done();
}

/** In words for a question, why etcd cannot serve a snapshot now; undefined where it can. */
export function whyNoSnapshot(ctx: PlanContext, observed: EtcdObservation): string | undefined {
  if (ctx.cluster.spec.etcd.type === 'external') return 'etcd is not managed by kubexm';
  if (sourceOf(ctx, observed) !== undefined) return undefined;
  if (observed.membership !== 'agreed') return 'etcd has no quorum, so nobody can say what its data is';
  const ill = observed.members
    .filter((member) => !isSound(member))
    .map((member) => `${member.name}: ${isCorrupt(member) ? 'alarm CORRUPT' : (member.error ?? '')}`);
  return `no voter on a host that answers is healthy (${ill.join('; ')})`;
}

/** A healthy voter, rather not the leader, who has enough to do; the first in the config's order. */
function sourceOf(
  ctx: PlanContext,
  { membership, members }: EtcdObservation,
): { readonly host: HostName; readonly endpoint: string } | undefined {
  if (membership !== 'agreed') return undefined;
  const able = etcdMembers(ctx).flatMap(({ name, clientUrl }) => {
    const member = members.find((each) => each.host === name);
    const serves = member !== undefined && isSound(member) && !member.isLearner;
    return serves && ctx.facts.has(name) ? [{ host: name, endpoint: clientUrl, isLeader: member.isLeader }] : [];
  });
  return able.find(({ isLeader }) => !isLeader) ?? able[0];
}
