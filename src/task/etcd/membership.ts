import type { ManagedEtcd } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths, ports } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { draft, type HostName } from '../../plan/index.js';
import { type AssumedEtcdMember, checkEtcdMembers, type StepContext } from '../../step/index.js';
import { type Fragment, hostsWithRole, type PlanContext } from '../context.js';
import { etcdMembers } from './endpoints.js';
import { type EtcdObservation, isCorrupt, isSound, type ObservedMember } from './observation.js';
import { quorumNow } from './quorum.js';
import { refuseHalfRestored } from './restore-guards.js';
import { snapshotFirst } from './snapshot.js';

/** What a change of membership rests on: etcd as it was read right before. */
export interface MembershipBasis {
  readonly observed: EtcdObservation;
  /** False: the user goes on although etcd can serve no snapshot. */
  readonly snapshot: boolean;
}

/** etcd as kubexm manages it, with a member list that a quorum agrees on; throws where there is none to change. */
export function changeableEtcd({ cluster }: PlanContext, observed: EtcdObservation): ManagedEtcd {
  const { etcd } = cluster.spec;
  if (etcd.type === 'external') {
    throw new KubexmError('USAGE', 'spec.etcd.type is external: its members are not changed by kubexm');
  }
  if (observed.membership !== 'agreed') {
    throw new KubexmError('GUARD_REFUSED', 'etcd has no quorum, so its members cannot be changed', {
      details: [quorumNow(observed), ...observed.failures.map(({ host, message }) => `${host}: ${message}`)],
      hint: 'bring members back until there is a quorum (kubexm etcd members says which are missing), or restore a snapshot: kubexm etcd restore --help',
      retryable: false,
    });
  }
  return etcd;
}

/** The host of the config that a member's peer URL leads to, whatever its roles. */
export function hostOfMember({ cluster }: PlanContext, { peerUrls }: ObservedMember): HostName | undefined {
  return cluster.spec.hosts.find(({ internalAddress }) =>
    peerUrls.includes(`https://${internalAddress}:${ports.etcdPeer}`),
  )?.name;
}

/** The member of a name, an id, or a host. Undefined: there is none. */
export function memberOf(ctx: PlanContext, { members }: EtcdObservation, which: string): ObservedMember | undefined {
  return (
    members.find((member) => hostOfMember(ctx, member) === which) ??
    members.find(({ id }) => id === which) ??
    members.find(({ name }) => name === which)
  );
}

/** For people. */
export function memberLabel(ctx: PlanContext, member: ObservedMember): string {
  return hostOfMember(ctx, member) ?? (member.name === '' ? member.id : member.name);
}

/** The members that a plan counts on. */
export function assumedMembers(ctx: PlanContext, members: readonly ObservedMember[]): readonly AssumedEtcdMember[] {
  return members.map((member) => ({
    id: member.id,
    name: memberLabel(ctx, member),
    peerUrl: member.peerUrls[0] ?? '',
  }));
}

/** Client URLs of the voters that are healthy, with data that may be relied on. */
export function servingUrls(members: readonly ObservedMember[]): readonly string[] {
  return members.flatMap((member) => (isSound(member) && !member.isLearner ? member.clientUrls.slice(0, 1) : []));
}

/** Client URLs for the apiservers: in the config's order, as `cluster create` has them, then members that are no host of it. */
export function apiserverUrls(
  ctx: PlanContext,
  members: readonly ObservedMember[],
  joining: readonly HostName[] = [],
): readonly string[] {
  const voters = members.filter(({ isLearner, name }) => !isLearner && name !== '');
  const own = etcdMembers(ctx).filter(
    ({ name }) => joining.includes(name) || voters.some((voter) => hostOfMember(ctx, voter) === name),
  );
  const ownUrls = own.map(({ clientUrl }) => clientUrl);
  const others = voters.filter((voter) => !own.some(({ name }) => hostOfMember(ctx, voter) === name));
  return [...ownUrls, ...others.flatMap(({ clientUrls }) => clientUrls.slice(0, 1))];
}

/** A healthy voter on a host that answers: there etcdctl speaks for the cluster. Throws where there is none but those that leave. */
export function speakerOf(
  ctx: PlanContext,
  { members }: EtcdObservation,
  leaving: readonly ObservedMember[] = [],
): HostName {
  const able = members.filter((member) => isSound(member) && !member.isLearner && !leaving.includes(member));
  const host = able.map((member) => member.host).find((name) => name !== undefined && ctx.facts.has(name));
  if (host !== undefined) return host;
  throw new KubexmError('GUARD_REFUSED', 'no host of the config with a healthy member that stays can be reached', {
    details: members.map(
      (member) => `${memberLabel(ctx, member)}: ${isCorrupt(member) ? 'alarm CORRUPT' : (member.error ?? 'healthy')}`,
    ),
    hint: 'kubexm etcd members',
    retryable: false,
  });
}

/** Before any change: no restore is half done, the members are those of the plan, and there is a snapshot to go back to. */
export function membershipGate(ctx: PlanContext, { observed, snapshot }: MembershipBasis): Fragment {
  const g = draft<StepContext>('membership-gate');
  const checked = g.add(
    'members',
    [speakerOf(ctx, observed)],
    checkEtcdMembers({ endpoints: servingUrls(observed.members), assumed: assumedMembers(ctx, observed.members) }),
    { after: g.include(refuseHalfRestored.plan(ctx)) },
  );
  if (snapshot) g.include(snapshotFirst(ctx, observed), { after: checked });
  return g.done();
}

/** Whether there are apiservers that are to be told of a change. */
export function hasControlPlane(ctx: PlanContext): boolean {
  return hostsWithRole(ctx, 'control-plane').some((host) =>
    ctx.facts.get(host)?.leftovers.includes(hostPaths.adminKubeconfig),
  );
}
