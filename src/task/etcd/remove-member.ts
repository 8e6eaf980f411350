import { KubexmError } from '../../errors/index.js';
import { type After, draft, type HostName } from '../../plan/index.js';
import { checkEtcdHealth, removeEtcdMember, type StepContext } from '../../step/index.js';
import { defineTask, type Fragment, hostsWithRole, type PlanContext, type Task } from '../context.js';
import { reconcileApiserverEtcd } from '../kubernetes/reconcile-control-plane.js';
import { illMembers } from './add-member.js';
import { alarmsStay, forgetAlarms, refuseLosingWholeData, toldLater } from './alarm-guards.js';
import { etcdMembers } from './endpoints.js';
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
  speakerOf,
} from './membership.js';
import type { ObservedMember } from './observation.js';
import { quorumWithout } from './quorum.js';
import { removeEtcd } from './remove.js';

export interface RemoveMember extends MembershipBasis {
  /** A host, or the name or the id of a member. */
  readonly which: string;
  readonly wipeData: boolean;
}

/** What is to go. Without a member: an earlier run has removed it, and the host is still to be cleaned. */
export interface Leaving {
  readonly label: string;
  readonly member?: ObservedMember;
  /** Absent: no host of the config. */
  readonly host?: HostName;
  /** It has answered, so it can be cleaned. */
  readonly reachable: boolean;
}

/** Finds what is to go; throws USAGE where there is neither such a member nor such a host. */
export function leavingOf(ctx: PlanContext, { which, observed }: Pick<RemoveMember, 'which' | 'observed'>): Leaving {
  changeableEtcd(ctx, observed);
  const member = memberOf(ctx, observed, which);
  const host = member ? hostOfMember(ctx, member) : ctx.cluster.spec.hosts.find(({ name }) => name === which)?.name;
  // What it has left behind is an alarm.
  const isGone = which !== '0' && observed.strayAlarms.some(({ memberId }) => memberId === which);
  if (!member && host === undefined && !isGone) {
    throw new KubexmError('USAGE', `etcd has no member ${which}, and the config has no such host`, {
      details: observed.members.map((each) => `${memberLabel(ctx, each)} (${each.id})`),
      hint: 'kubexm etcd members',
    });
  }
  return {
    label: member ? memberLabel(ctx, member) : which,
    ...(member ? { member } : {}),
    ...(host === undefined ? {} : { host }),
    reachable: host !== undefined && ctx.facts.has(host),
  };
}

/** What will be left, in words. Throws where those that stay would have no quorum. */
export function forecastRemove(
  ctx: PlanContext,
  { which, observed }: Pick<RemoveMember, 'which' | 'observed'>,
): readonly string[] {
  const { member, label } = leavingOf(ctx, { which, observed });
  if (!member) return [`${label} is no member of etcd any more`];
  refuseLosingWholeData(ctx, observed, member);
  if (member.isLearner) return [`${label} is a learner: it does not count for the quorum`];
  const forecast = quorumWithout(observed, [member]);
  if (forecast.safe) return [...forecast.lines, ...toldLater(observed, member)];
  const isLast = observed.members.filter(({ isLearner }) => !isLearner).length === 1;
  throw new KubexmError(
    'GUARD_REFUSED',
    isLast
      ? `${label} is the last member of etcd: nothing would be left`
      : `without ${label} etcd would have no quorum`,
    {
      details: [...forecast.lines, ...illMembers(ctx, observed)],
      hint: isLast
        ? 'add another member first: kubexm etcd add-member --help; to take the whole cluster down: kubexm cluster delete'
        : 'bring the others back first (kubexm etcd members), or add a member',
      retryable: false,
    },
  );
}

/** The members are those of the plan, and there is a snapshot. */
export function beforeRemoving(params: RemoveMember): Task {
  return defineTask('before-removing', (ctx) => {
    forecastRemove(ctx, params);
    return membershipGate(ctx, params);
  });
}

/** Every apiserver forgets it, then the cluster does, then its host is cleaned. */
export function removeMember(params: RemoveMember): Task {
  return defineTask('remove-member', (ctx) => {
    const { observed, wipeData } = params;
    const leaving = leavingOf(ctx, params);
    const staying = observed.members.filter((member) => member !== leaving.member);
    const g = draft<StepContext>('remove-member');
    const tell = (after: After) =>
      hasControlPlane(ctx) && !alarmsStay(observed, leaving.member)
        ? g.include(reconcileApiserverEtcd(ctx, apiserverUrls(ctx, staying)), { after })
        : after;
    const takeItOut = (after: After) => g.include(takeOut(ctx, { leaving, staying, observed }), { after });
    // An apiserver that starts writes, which it cannot before the alarm of the member is gone with it.
    const isAlarmed = observed.strayAlarms.length > 0 || observed.members.some(({ alarms }) => alarms.length > 0);
    const last = isAlarmed ? tell(takeItOut([])) : takeItOut(tell([]));
    g.include(cleaned(ctx, leaving, wipeData), { after: last });
    return g.done();
  });
}

/** The member out of the list, the proof that the others serve, and its alarm disarmed. */
export function takeOut(
  ctx: PlanContext,
  {
    leaving: { member, label },
    staying,
    joined = [],
    observed,
  }: {
    readonly leaving: Leaving;
    readonly staying: readonly ObservedMember[];
    /** Hosts that are members too by then. */
    readonly joined?: readonly HostName[];
    readonly observed: MembershipBasis['observed'];
  },
): Fragment {
  const g = draft<StepContext>('take-out');
  if (!member) {
    g.include(forgetAlarms(ctx, observed));
    return g.done();
  }
  const on = [speakerOf(ctx, observed, [member])];
  const fresh = etcdMembers(ctx).filter(({ name }) => joined.includes(name));
  const endpoints = servingUrls(staying);
  const assumed = [...assumedMembers(ctx, staying), ...fresh.map(({ name, peerUrl }) => ({ name, peerUrl }))];
  const removed = g.add('remove', on, removeEtcdMember({ id: member.id, name: label, endpoints, assumed }));
  const verified = g.add('verify', on, checkEtcdHealth({ endpoints }), { after: removed });
  g.include(forgetAlarms(ctx, observed, [member]), { after: verified });
  return g.done();
}

/** The host without etcd, where it can be reached. An apiserver on it goes on with the others' etcd. */
export function cleaned(ctx: PlanContext, { host, reachable }: Leaving, wipeData: boolean): Fragment {
  const hosts = host !== undefined && reachable ? [host] : [];
  return removeEtcd({ hosts, wipeData, keepClient: hostsWithRole(ctx, 'control-plane') }).plan(ctx);
}
