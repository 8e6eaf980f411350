import { KubexmError } from '../../errors/index.js';
import type { HostName } from '../../plan/index.js';
import { draft } from '../../plan/index.js';
import { forgetEtcdAlarms, type StepContext } from '../../step/index.js';
import type { Fragment, PlanContext } from '../context.js';
import { corruptMembers, corruptRunbook } from './defrag.js';
import { memberLabel, servingUrls, speakerOf } from './membership.js';
import {
  alarmsWithout,
  type EtcdObservation,
  isCorrupt,
  isSound,
  type ObservedMember,
  strayAlarmText,
} from './observation.js';

/**
 * Throws where a new member would join under an alarm. NOSPACE: it would only be full as well. CORRUPT: it could get its data from
 * the wrong one. While members that have it are replaced (`repairs`), others may still have it, but none that leads: its data is
 * what the new one would get. `leaving` goes first.
 */
export function refuseJoinUnderAlarm(
  ctx: PlanContext,
  observed: EtcdObservation,
  {
    hosts,
    leaving,
    repairs = false,
  }: {
    readonly hosts: readonly HostName[];
    readonly leaving?: ObservedMember | undefined;
    readonly repairs?: boolean;
  },
): void {
  const { members, strayAlarms } = observed;
  const refused = (because: string, hint: string, details: readonly string[] = []) =>
    new KubexmError('GUARD_REFUSED', `etcd cannot take ${hosts.join(', ')} in now: ${because}`, {
      details: [...alarmTexts(ctx, observed), ...details],
      hint,
      retryable: false,
    });
  const all = [...members.flatMap(({ alarms }) => alarms), ...strayAlarms.map(({ alarm }) => alarm)];
  if (all.includes('NOSPACE')) {
    const recover = 'kubexm etcd recover-space';
    // It takes all members that are there, and none whose data differs.
    const first = leaving && !isSound(leaving) ? `kubexm etcd remove-member ${memberLabel(ctx, leaving)}; then ` : '';
    const last =
      first === '' ? ', then run the same command again' : `; then kubexm etcd add-member ${hosts.join(' ')}`;
    throw refused('it is out of space', `${first}${recover}${last}`);
  }
  if (alarmsWithout({ ...observed, members: [] }).includes('CORRUPT'))
    throw refused('its members have different data', 'kubexm etcd alarms', corruptRunbook([]));
  const corrupt = members.filter((member) => member !== leaving && isCorrupt(member));
  const leads = corrupt.find(({ isLeader }) => isLeader);
  const wrong = repairs ? leads : corrupt[0];
  if (wrong === undefined) {
    const gone = repairs ? undefined : strayAlarms[0];
    if (gone === undefined) return;
    throw refused('an alarm of a member that is gone is raised still', `kubexm etcd remove-member ${gone.memberId}`);
  }
  const label = memberLabel(ctx, wrong);
  throw refused(
    `the data of ${label} differs from that of the others${leads === wrong ? ', and it leads' : ''}`,
    `kubexm etcd replace-member ${label}`,
    corruptRunbook(corruptMembers(observed)),
  );
}

/** A member with the alarm CORRUPT goes before one whose data is whole: else the whole data could be lost with it. */
export function refuseLosingWholeData(ctx: PlanContext, observed: EtcdObservation, leaving: ObservedMember): void {
  const corrupt = observed.members.find((member) => member !== leaving && isCorrupt(member));
  if (corrupt === undefined || !isSound(leaving)) return;
  const label = memberLabel(ctx, corrupt);
  throw new KubexmError(
    'GUARD_REFUSED',
    `the data of ${label} differs from that of the others, and would stay without ${memberLabel(ctx, leaving)}`,
    {
      details: corruptRunbook(corruptMembers(observed)),
      hint: `kubexm etcd replace-member ${label}`,
      retryable: false,
    },
  );
}

/** Whether apiservers cannot be told of a change: started while etcd takes no writes, they would not come up. */
export function alarmsStay(observed: EtcdObservation, leaving?: ObservedMember): boolean {
  return alarmsWithout(observed, leaving).length > 0;
}

/** In words for the user. */
export function toldLater(observed: EtcdObservation, leaving?: ObservedMember): readonly string[] {
  const alarms = alarmsWithout(observed, leaving);
  if (alarms.length === 0) return [];
  return [
    `the apiservers are not told as long as the alarm ${alarms.join(', ')} is raised; they go on with the members that stay. Afterwards: kubexm cluster create`,
  ];
}

/** Alarms of members that are gone, with what `leaving` leaves behind. */
export function forgetAlarms(
  ctx: PlanContext,
  observed: EtcdObservation,
  leaving: readonly ObservedMember[] = [],
): Fragment {
  const g = draft<StepContext>('forget-alarms');
  const staying = observed.members.filter((member) => !leaving.includes(member));
  if (observed.strayAlarms.length === 0 && leaving.every(({ alarms }) => alarms.length === 0)) return g.done();
  g.add('disarm', [speakerOf(ctx, observed, leaving)], forgetEtcdAlarms({ endpoints: servingUrls(staying) }));
  return g.done();
}

function alarmTexts(ctx: PlanContext, { members, strayAlarms }: EtcdObservation): readonly string[] {
  return [
    ...members.flatMap((member) => member.alarms.map((alarm) => `alarm ${alarm} of ${memberLabel(ctx, member)}`)),
    ...strayAlarms.map((alarm) => strayAlarmText(alarm)),
  ];
}
