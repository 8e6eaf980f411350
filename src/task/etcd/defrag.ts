import { KubexmError } from '../../errors/index.js';
import { draft, type Ref } from '../../plan/index.js';
import { compactEtcd, defragEtcdMember, type EtcdPeer, type StepContext } from '../../step/index.js';
import { defineTask, type Fragment, type PlanContext, type Task } from '../context.js';
import { etcdMembers } from './endpoints.js';
import { alarmsWithout, type EtcdObservation, isCorrupt, type ObservedMember } from './observation.js';

/** What makes a defragmentation worth the pause of the member. `only`: a host. `all`: whatever there is to gain. */
export interface DefragChoice {
  readonly only?: string;
  readonly all?: boolean;
}

/** A file that would shrink by less is left alone: etcd fills the holes again. */
const worthIt = { leastBytes: 32 * 2 ** 20, leastPart: 0.3 };

/** One member after the other, followers first. Refuses where a second member would be away meanwhile. */
export function defragEtcd({
  observed,
  only,
  all = false,
}: DefragChoice & { readonly observed: EtcdObservation }): Task {
  return defineTask('defrag', (ctx) => {
    refuseCorrupt(observed);
    requireServing(observed);
    const hosts = etcdMembers(ctx).map(({ name }) => name);
    if (only !== undefined && !hosts.includes(only)) {
      throw new KubexmError('USAGE', `${only} is no host of the role etcd`, { hint: `one of ${hosts.join(', ')}` });
    }
    return defragChain(ctx, { observed, only, always: all });
  });
}

/** The chain itself, whatever the members' state: followers first, the leader last. */
export function defragChain(
  ctx: PlanContext,
  {
    observed,
    only,
    always,
  }: { readonly observed: EtcdObservation; readonly only?: string | undefined; readonly always: boolean },
): Fragment {
  const peers = etcdPeers(ctx, observed);
  const leader = observed.members.find(({ isLeader }) => isLeader)?.host;
  const order = [...peers.filter(({ name }) => name !== leader), ...peers.filter(({ name }) => name === leader)];
  const least = always ? { leastBytes: 0, leastPart: 0 } : worthIt;
  const g = draft<StepContext>('defrag');
  let before: Ref | undefined;
  for (const own of order.filter(({ name }) => only === undefined || name === only)) {
    const others = peers.filter((peer) => peer !== own);
    const step = defragEtcdMember({ own, others, ...least });
    before = g.add(`defrag-${own.name}`, [own.name], step, before ? { after: before } : {});
  }
  return g.done();
}

/** Drops history through a member whose host answers. `keep`: so many revisions stay readable. */
export function compactEtcdHistory({
  observed,
  keep,
}: {
  readonly observed: EtcdObservation;
  readonly keep: number;
}): Task {
  return defineTask('compact', (ctx) => {
    const own = speakerOf(ctx, observed);
    const g = draft<StepContext>('compact');
    g.add('compact', [own.name], compactEtcd({ endpoint: own.endpoint, keep }));
    return g.done();
  });
}

/** The members of the running cluster that are hosts of the config. */
export function etcdPeers(ctx: PlanContext, observed: EtcdObservation): readonly EtcdPeer[] {
  const present = new Set(observed.members.map(({ host }) => host));
  return etcdMembers(ctx)
    .filter(({ name }) => present.has(name))
    .map(({ name, peerUrl, clientUrl }) => ({ name, peerUrl, endpoint: clientUrl }));
}

/** A voter that serves, on a host that answers. */
export function speakerOf(ctx: PlanContext, observed: EtcdObservation): EtcdPeer {
  const serving = new Set(observed.members.filter(isServing).map(({ host }) => host));
  const own = etcdPeers(ctx, observed).find(({ name }) => serving.has(name) && ctx.facts.has(name));
  if (own && observed.membership === 'agreed') return own;
  throw new KubexmError('GUARD_REFUSED', 'etcd has no quorum: it takes no request', {
    details: observed.failures.map(({ message }) => message),
    hint: 'kubexm etcd members',
    retryable: false,
  });
}

/** It answers and has a leader; also a member that is too slow to commit in time serves. */
function isServing({ state, isLearner }: ObservedMember): boolean {
  return !isLearner && state?.status !== undefined && state.status.leaderId !== '0';
}

/** All of them: a defragmentation takes one away for a while. */
export function requireServing({ members, membership }: EtcdObservation): void {
  const away = members.filter((member) => !isServing(member));
  if (membership === 'agreed' && away.length === 0) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    'a member does not answer while it is defragmented, and others are away already',
    {
      details: away.map(({ name, peerUrls, error, isLearner }) =>
        isLearner ? `${name} is a learner` : `${name || peerUrls.join(', ')}: ${error ?? 'it does not serve'}`,
      ),
      hint: 'bring all members back first: kubexm etcd members',
      retryable: false,
    },
  );
}

/** Nothing is rewritten where the data differs between members. */
export function refuseCorrupt(etcd: EtcdObservation): void {
  if (!alarmsWithout(etcd).includes('CORRUPT')) return;
  const names = corruptMembers(etcd);
  if (names.length === 0) {
    throw new KubexmError(
      'GUARD_REFUSED',
      'etcd found that its members have different data, and cannot tell whose is right',
      {
        details: corruptRunbook(names),
        hint: 'kubexm etcd restore from a snapshot of before',
        retryable: false,
      },
    );
  }
  throw new KubexmError('GUARD_REFUSED', `etcd found that the data of ${names.join(', ')} differs from the others'`, {
    details: corruptRunbook(names),
    hint: `kubexm etcd backup; then kubexm etcd replace-member ${names[0] ?? ''}`,
    retryable: false,
  });
}

/** Those that raised the alarm CORRUPT. */
export function corruptMembers({ members }: EtcdObservation): readonly string[] {
  return members.filter((member) => isCorrupt(member)).map(({ host, name }) => host ?? name);
}

/** What a person does about the alarm CORRUPT of `names`; none: etcd cannot tell which members they are. */
export function corruptRunbook(names: readonly string[]): readonly string[] {
  const replace = [
    '1. kubexm etcd backup: a snapshot of a member whose data is whole',
    ...names.map(
      (name) =>
        `2. kubexm etcd replace-member ${name}: it is removed, its data on the host are renamed and kept, and it gets new data from the others`,
    ),
    'the alarm goes with the last of them: nothing is to be disarmed by hand',
    'where replace-member refuses since too few would be left: kubexm etcd restore from a snapshot of before',
  ];
  return [
    'etcd takes no writes while this alarm is raised; do not disarm it and go on',
    ...(names.length > 0 ? replace : ['kubexm etcd restore from a snapshot of before (kubexm etcd backups)']),
    'the disk or the memory of the host is a likely cause: look at dmesg there',
  ];
}
