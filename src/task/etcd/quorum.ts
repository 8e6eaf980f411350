import { type EtcdObservation, isSound, type ObservedMember } from './observation.js';

/** How many voters must agree. */
export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** `2 of 3 voters healthy, quorum 2: none may fail`, and how many of them nothing is known of. */
export function quorumNow({ membership, members, strayAlarms }: EtcdObservation): string {
  const voters = members.filter((member) => !member.isLearner);
  if (voters.length === 0) return 'nobody tells who the members are';
  const healthy = voters.filter((member) => member.healthy).length;
  const unknown = voters.filter((member) => member.state === undefined).length;
  const needed = quorumOf(voters.length);
  const outlook =
    membership === 'agreed' && healthy >= needed
      ? toleranceText(healthy - needed)
      : membership === 'agreed'
        ? 'there is a quorum, but not all of it could be asked'
        : 'no quorum: every write fails';
  const counted = `${healthy} of ${voters.length} voters healthy${unknown > 0 ? `, ${unknown} unknown` : ''}`;
  // Also those of members that are gone.
  const alarms = new Set([...members.flatMap((member) => member.alarms), ...strayAlarms.map(({ alarm }) => alarm)]);
  const writes =
    alarms.size > 0 && membership === 'agreed' ? `; no writes while the alarm ${[...alarms].join(', ')} is raised` : '';
  return `${counted}, quorum ${needed}: ${outlook}${writes}`;
}

/** Arithmetic of a change of membership, in words for the user. */
export interface QuorumForecast {
  readonly safe: boolean;
  readonly lines: readonly string[];
}

/**
 * What is left when `leaving` are gone: `safe` where those that are healthy then are a quorum of those that are left. One whose data
 * is corrupt counts as lost.
 */
export function quorumWithout({ members }: EtcdObservation, leaving: readonly ObservedMember[]): QuorumForecast {
  const voters = members.filter((member) => !member.isLearner);
  const left = voters.filter((member) => !leaving.includes(member));
  const healthy = left.filter((member) => isSound(member));
  const now = voters.filter((member) => isSound(member));
  const needed = quorumOf(left.length);
  const safe = left.length > 0 && healthy.length >= needed && now.length >= quorumOf(voters.length);
  return {
    safe,
    lines: [
      `now: ${now.length} of ${voters.length} voters healthy, quorum ${quorumOf(voters.length)}`,
      `after: ${healthy.length} of ${left.length} voters healthy, quorum ${left.length === 0 ? 'none' : needed}; ` +
        (safe ? toleranceText(healthy.length - needed) : 'no quorum: every write would fail'),
    ],
  };
}

/**
 * What comes of it when hosts join one after the other, after `leaving` are gone. etcd counts a new member as unavailable:
 * `safe` where the healthy voters are a quorum of one more than there are. A single member may always get a second.
 */
export function quorumWith(
  { members }: EtcdObservation,
  joining: readonly string[],
  leaving: readonly ObservedMember[] = [],
): QuorumForecast {
  const stay = members.filter((member) => !member.isLearner && !leaving.includes(member));
  let voters = stay.length;
  let healthy = stay.filter((member) => isSound(member)).length;
  let safe = true;
  const lines = leaving.length > 0 ? [] : [`now: ${healthy} of ${voters} voters healthy, quorum ${quorumOf(voters)}`];
  for (const name of joining) {
    const needed = voters === 1 ? 1 : quorumOf(voters + 1);
    if (healthy < needed) {
      lines.push(`with ${name}: etcd adds nobody while ${healthy} of ${voters} voters are healthy; it takes ${needed}`);
      return { safe: false, lines };
    }
    [voters, healthy] = [voters + 1, healthy + 1];
    const spare = healthy - quorumOf(voters);
    safe &&= spare >= 0;
    lines.push(
      `with ${name}: ${healthy} of ${voters} voters healthy, quorum ${quorumOf(voters)}; ${toleranceText(spare)}`,
    );
  }
  return { safe, lines };
}

function toleranceText(spare: number): string {
  if (spare === 0) return 'none may fail';
  return spare === 1 ? '1 may fail' : `${spare} may fail`;
}
