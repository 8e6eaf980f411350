import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';
import { CONTROL_NODE, draft, type HostName, onlyOn } from '../../plan/index.js';
import type { StepContext } from '../../step/index.js';
import { artifactsFor } from '../artifacts.js';
import { defineTask, type Fragment, type PlanContext, type Task } from '../context.js';
import { reconcileApiserverEtcd } from '../kubernetes/reconcile-control-plane.js';
import { checkHosts } from '../preflight/check-hosts.js';
import { prepareOs } from '../preflight/prepare-os.js';
import { refuseJoinUnderAlarm } from './alarm-guards.js';
import { etcdInstallation } from './install.js';
import {
  apiserverUrls,
  assumedMembers,
  changeableEtcd,
  hasControlPlane,
  hostOfMember,
  type MembershipBasis,
  memberLabel,
  memberOf,
  membershipGate,
  servingUrls,
} from './membership.js';
import type { EtcdObservation, ObservedMember } from './observation.js';
import { quorumWith } from './quorum.js';

/** Hosts of the role etcd that are to become members. */
export interface AddMembers extends MembershipBasis {
  readonly hosts: readonly HostName[];
}

/** `leaving`: a member that goes before. `repairs`: members with the alarm CORRUPT are replaced. */
interface JoiningHosts extends Omit<AddMembers, 'snapshot'> {
  readonly leaving?: ObservedMember | undefined;
  readonly repairs?: boolean;
}

/** What will come of it, in words. Throws where it would be refused by etcd, or could cost the quorum. */
export function forecastAdd(
  ctx: PlanContext,
  { hosts, observed: now, leaving, repairs = false }: JoiningHosts,
): readonly string[] {
  refuseHostsWithoutRole(ctx.cluster, hosts);
  const etcd = changeableEtcd(ctx, now);
  refuseJoinUnderAlarm(ctx, now, { hosts, leaving, repairs });
  const observed = { ...now, members: now.members.filter((member) => member !== leaving) };
  const strangers = observed.members.filter(
    (member) => (member.isLearner || member.name === '') && !hosts.includes(hostOfMember(ctx, member) ?? ''),
  );
  if (strangers.length > 0) throw halfAdded(ctx, strangers);
  refuseOtherVersion(etcd.version, observed);
  const forecast = quorumWith(
    observed,
    hosts.filter((host) => memberOf(ctx, observed, host)?.isLearner !== false),
  );
  if (forecast.safe) return forecast.lines;
  throw new KubexmError('GUARD_REFUSED', `etcd cannot take ${hosts.join(', ')} in now`, {
    details: [...forecast.lines, ...illMembers(ctx, observed)],
    hint: 'bring the members back, or replace one that is lost: kubexm etcd replace-member --help',
    retryable: false,
  });
}

/** Looks at the new hosts, gets etcd's archive, and takes the snapshot. */
export function beforeAdding(params: AddMembers): Task {
  return defineTask('before-adding', (ctx) => {
    forecastAdd(ctx, params);
    const g = draft<StepContext>('before-adding');
    g.include(lookAtHosts(ctx, params.hosts));
    g.include(membershipGate(ctx, params));
    return g.done();
  });
}

/** Learner, in sync, promoted, one host after the other; then every apiserver is told. */
export function addMembers({ hosts, observed }: AddMembers): Task {
  return defineTask('add-members', (ctx) => {
    const g = draft<StepContext>('add-members');
    const staying = observed.members.filter((member) => !hosts.includes(hostOfMember(ctx, member) ?? ''));
    const joined = g.include(joinHosts(ctx, { hosts, staying }));
    if (hasControlPlane(ctx))
      g.include(reconcileApiserverEtcd(ctx, apiserverUrls(ctx, staying, hosts)), { after: joined });
    return g.done();
  });
}

/** Those parts of preflight that concern new members: nothing is changed, and etcd's archive is on the control machine. */
export function lookAtHosts(ctx: PlanContext, hosts: readonly HostName[]): Fragment {
  const g = draft<StepContext>('look-at-hosts');
  g.include(onlyOn(checkHosts.plan(ctx), hosts));
  const { etcd } = ctx.cluster.spec;
  if (etcd.type === 'external') return g.done();
  for (const artifact of artifactsFor(ctx, { name: 'etcd', version: etcd.version }, hosts))
    g.include(artifact.ensurePlan(ctx));
  return g.done();
}

/** All that makes hosts members, beside members that are not touched. `staying`: all members but those of the hosts. */
export function joinHosts(
  ctx: PlanContext,
  { hosts, staying }: { readonly hosts: readonly HostName[]; readonly staying: readonly ObservedMember[] },
): Fragment {
  const g = draft<StepContext>('join');
  g.include(onlyOn(prepareOs.plan(ctx), hosts));
  g.include(joinMembers(ctx, { hosts, staying }));
  return g.done();
}

/** As `joinHosts`, of hosts whose OS is made ready by others. */
export function joinMembers(ctx: PlanContext, { hosts, staying }: Parameters<typeof joinHosts>[1]): Fragment {
  const alone = onlyEtcdHosts(ctx, hosts);
  const existing = { voters: servingUrls(staying), assumed: assumedMembers(ctx, staying) };
  return onlyOn(etcdInstallation(alone, existing), [...hosts, CONTROL_NODE]);
}

/** The same cluster as if the role etcd had these hosts alone: what is planned touches no other member. */
function onlyEtcdHosts(ctx: PlanContext, hosts: readonly HostName[]): PlanContext {
  const { spec } = ctx.cluster;
  return {
    ...ctx,
    cluster: { ...ctx.cluster, spec: { ...spec, roleGroups: { ...spec.roleGroups, etcd: hosts } } },
  };
}

/** The config is the truth: a member that is not in it would be a stranger to the next `cluster create`. */
export function refuseHostsWithoutRole({ spec }: Cluster, hosts: readonly HostName[]): void {
  const role = spec.roleGroups.etcd;
  const without = hosts.filter((host) => !role.includes(host));
  if (without.length === 0) return;
  const unknown = without.filter((host) => !spec.hosts.some(({ name }) => name === host));
  throw new KubexmError('CONFIG_INVALID', `${without.join(', ')} has not the role etcd in the cluster's config`, {
    details: [
      ...unknown.map((host) => `add to spec.hosts:      - { name: ${host}, address: <its address> }`),
      `change spec.roleGroups: etcd: [${[...role, ...without].join(', ')}]`,
    ],
    hint: 'change the config as shown, then run the same command again',
    retryable: false,
  });
}

function halfAdded(ctx: PlanContext, members: readonly ObservedMember[]): KubexmError {
  const names = members.map((member) => memberLabel(ctx, member));
  const states = members.map(
    (member) =>
      `${memberLabel(ctx, member)} (${member.peerUrls.join(', ')}): ${member.name === '' ? 'added and never started' : 'a learner'}`,
  );
  return new KubexmError('GUARD_REFUSED', 'another member is half added, and etcd takes one at a time', {
    details: states,
    hint: `finish it: kubexm etcd add-member ${names[0]}; or take it out: kubexm etcd remove-member ${names[0]}`,
    retryable: false,
  });
}

function refuseOtherVersion(version: string, { members }: EtcdObservation): void {
  const running = new Set(members.flatMap(({ state }) => state?.status?.version ?? []));
  const others = [...running].filter((each) => each !== '' && `v${each}` !== version);
  if (others.length === 0) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    `the members run etcd ${others.join(', ')}, and spec.etcd.version is ${version}`,
    {
      hint: 'a new member comes with the version of the others: kubexm etcd upgrade first, or set spec.etcd.version back',
      retryable: false,
    },
  );
}

/** Why members are not healthy, a line each. */
export function illMembers(ctx: PlanContext, { members }: EtcdObservation): readonly string[] {
  return members
    .filter(({ healthy }) => !healthy)
    .map((member) => `${memberLabel(ctx, member)}: ${member.error ?? 'not healthy'}`);
}
