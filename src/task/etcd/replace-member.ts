import { type After, draft, type HostName, type Ref } from '../../plan/index.js';
import { type StepContext, stopService } from '../../step/index.js';
import { defineTask, type PlanContext, type Task } from '../context.js';
import { reconcileApiserverEtcd } from '../kubernetes/reconcile-control-plane.js';
import { forecastAdd, joinHosts, lookAtHosts, refuseHostsWithoutRole } from './add-member.js';
import { alarmsStay, forgetAlarms, toldLater } from './alarm-guards.js';
import {
  apiserverUrls,
  changeableEtcd,
  hasControlPlane,
  type MembershipBasis,
  memberOf,
  membershipGate,
} from './membership.js';
import { isCorrupt, isSound, type ObservedMember } from './observation.js';
import { quorumWith } from './quorum.js';
import { cleaned, forecastRemove, type Leaving, leavingOf, takeOut } from './remove-member.js';
import { etcdService } from './service.js';

export interface ReplaceMember extends MembershipBasis {
  /** A host, or the name or the id of a member. */
  readonly old: string;
  /** The host that comes instead; the same one where it was installed anew. */
  readonly by: HostName;
  readonly wipeData: boolean;
}

type Replacing = Pick<ReplaceMember, 'old' | 'by' | 'observed'>;

/** What is still to do, now that an earlier run may have done a part of it. */
interface Replacement {
  /** Absent: the host is a member anew, if only half, and nothing goes any more. */
  readonly leaving?: Leaving;
  /**
   * A dead member goes first: as long as it counts, etcd may let nobody in. So does one whose data is corrupt, which is as good as
   * lost. A living one goes last.
   */
  readonly order: 'remove-first' | 'add-first';
}

function replacementOf(ctx: PlanContext, { old, by, observed }: Replacing): Replacement {
  const leaving = leavingOf(ctx, { which: old, observed });
  const { member, host } = leaving;
  if (host !== by) return { leaving, order: member && isSound(member) ? 'add-first' : 'remove-first' };
  const isLost = member && !member.isLearner && member.name !== '' && !isSound(member);
  return isLost ? { leaving, order: 'remove-first' } : { order: 'remove-first' };
}

/** What will come of it, in words. Throws where it could cost the quorum on the way. */
export function forecastReplace(ctx: PlanContext, { old, by, observed }: Replacing): readonly string[] {
  refuseHostsWithoutRole(ctx.cluster, [by]);
  changeableEtcd(ctx, observed);
  const { leaving, order } = replacementOf(ctx, { old, by, observed });
  const { member, label = old } = leaving ?? {};
  if (!member) return [...forecastAdd(ctx, { hosts: [by], observed, repairs: true }), ...toldLater(observed)];
  if (order === 'remove-first') {
    const repairs = isCorrupt(member);
    const removed = forecastRemove(ctx, { which: old, observed });
    const added = forecastAdd(ctx, { hosts: [by], observed, leaving: member, repairs });
    return [...removed.map(named(`without ${label}`)), ...added.slice(1)];
  }
  const added = forecastAdd(ctx, { hosts: [by], observed });
  if (memberOf(ctx, observed, by)?.isLearner === false)
    return forecastRemove(ctx, { which: old, observed }).map(named(`without ${label}`));
  const [end = ''] = quorumWith(observed, [by], [member]).lines.slice(-1);
  return [...added, end.replace(`with ${by}`, `without ${label}`)];
}

/** `after: …` of one change of two says which. */
function named(change: string): (line: string) => string {
  return (line) => line.replace(/^after:/, `${change}:`);
}

/** Looks at the new host, and takes the snapshot. */
export function beforeReplacing(params: ReplaceMember): Task {
  return defineTask('before-replacing', (ctx) => {
    forecastReplace(ctx, params);
    const g = draft<StepContext>('before-replacing');
    g.include(lookAtHosts(ctx, [params.by]));
    g.include(membershipGate(ctx, params));
    return g.done();
  });
}

/** One member out and one in; the apiservers are told once, before a living one goes and after a new one votes. */
export function replaceMember(params: ReplaceMember): Task {
  return defineTask('replace-member', (ctx) => {
    const { by, observed, wipeData } = params;
    const { leaving, order } = replacementOf(ctx, params);
    const own = memberOf(ctx, observed, by);
    const staying = observed.members.filter((member) => member !== own && member !== leaving?.member);
    const g = draft<StepContext>('replace-member');
    const join = (beside: readonly ObservedMember[], after: After) =>
      g.include(joinHosts(ctx, { hosts: [by], staying: beside }), { after });
    const tell = (after: Ref) =>
      hasControlPlane(ctx) && !alarmsStay(observed, leaving?.member)
        ? g.include(reconcileApiserverEtcd(ctx, apiserverUrls(ctx, staying, [by])), { after })
        : after;
    const out = (after: After, joined: readonly HostName[]) =>
      stopped(
        leaving
          ? g.include(takeOut(ctx, { leaving, staying, joined, observed }), { after })
          : g.include(forgetAlarms(ctx, observed), { after }),
      );
    // One that served until now has still to notice that it is no member any more.
    const stopped = (after: Ref) =>
      leaving?.member?.healthy === true && leaving.host === by && leaving.reachable
        ? g.add('stop', [by], stopService({ service: etcdService }), { after })
        : after;
    const beforeOut = leaving?.member ? [...staying, leaving.member] : staying;
    const last =
      order === 'remove-first'
        ? tell(join(staying, out([], own && own !== leaving?.member ? [by] : [])))
        : out(tell(join(beforeOut, [])), [by]);
    if (leaving && leaving.host !== by) g.include(cleaned(ctx, leaving, wipeData), { after: last });
    return g.done();
  });
}
