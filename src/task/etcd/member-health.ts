import type { HostName } from '../../plan/index.js';
import type { PlanContext } from '../context.js';
import { type EtcdObservation, type ObservedMember, strayAlarmText } from './observation.js';
import { quorumNow } from './quorum.js';

/** Share of the quota above which somebody should look. */
const fullPercent = 80;
/** A member that is so many entries behind is not just a moment behind; the endpoints are asked at about the same time. */
const farBehind = 5000;

/** A member as users read it. What could not be learnt is absent. Sizes in bytes. */
export interface MemberHealth {
  /** Hexadecimal; empty where the member list is unknown. */
  readonly id: string;
  readonly name: string;
  readonly host?: HostName;
  readonly role: 'leader' | 'voter' | 'learner' | 'not started' | 'unknown';
  /** `unknown`: nobody could ask it, which does not mean that it is down. */
  readonly state: 'healthy' | 'unhealthy' | 'unknown';
  readonly error?: string;
  readonly endpoint?: string;
  readonly latencyMs?: number;
  readonly version?: string;
  readonly raftTerm?: number;
  readonly raftIndex?: number;
  /** Entries behind the leader, at about the same moment. */
  readonly lag?: number;
  readonly dbSizeBytes?: number;
  readonly dbSizeInUseBytes?: number;
  readonly quotaBytes?: number;
  /** Of the quota. */
  readonly dbPercent?: number;
  readonly alarms: readonly string[];
}

/** Every member of the list with what it says of itself. */
export function membersHealth(ctx: PlanContext, etcd: EtcdObservation): readonly MemberHealth[] {
  const leader = etcd.members.find(({ isLeader }) => isLeader)?.state?.status;
  const { etcd: config } = ctx.cluster.spec;
  const configured = config.type === 'kubexm' ? config.performance.quotaBackendBytes : undefined;
  return etcd.members.map((member): MemberHealth => {
    const { id, name, host, state, error, alarms } = member;
    const status = state?.status;
    // etcd tells its quota since 3.6.
    const quota = status?.quotaBytes ?? configured;
    return {
      id,
      name,
      ...(host === undefined ? {} : { host }),
      role: memberRole(member),
      state: member.healthy ? 'healthy' : state === undefined ? 'unknown' : 'unhealthy',
      ...(error === undefined ? {} : { error }),
      ...(state === undefined ? {} : { endpoint: state.endpoint }),
      ...(state?.latencyMs === undefined ? {} : { latencyMs: state.latencyMs }),
      ...(status === undefined
        ? {}
        : {
            version: status.version,
            raftTerm: status.raftTerm,
            raftIndex: status.raftIndex,
            ...(leader === undefined ? {} : { lag: Math.max(0, leader.raftIndex - status.raftIndex) }),
            dbSizeBytes: status.dbSizeBytes,
            dbSizeInUseBytes: status.dbSizeInUseBytes,
            ...(quota === undefined
              ? {}
              : { quotaBytes: quota, dbPercent: Math.round((100 * status.dbSizeBytes) / quota) }),
          }),
      alarms,
    };
  });
}

function memberRole({ name, isLearner, isLeader, state }: ObservedMember): MemberHealth['role'] {
  if (name === '') return 'not started';
  if (isLearner) return 'learner';
  if (isLeader) return 'leader';
  // Of one that does not tell, nobody knows whether it leads.
  return state?.status === undefined ? 'unknown' : 'voter';
}

/** Why they are not all well, in words. */
export function memberProblems(etcd: EtcdObservation, members: readonly MemberHealth[]): readonly string[] {
  const versions = new Set(members.flatMap(({ version }) => version ?? []));
  const statuses = etcd.members.flatMap(({ state }) => state?.status ?? []);
  const clusters = new Set(statuses.map(({ clusterId }) => clusterId));
  const leaders = new Set(statuses.map(({ leaderId }) => leaderId));
  return [
    ...(etcd.membership === 'agreed' ? [] : [quorumNow(etcd)]),
    ...members.flatMap((member) => ownProblems(member)),
    ...etcd.members
      .filter(({ host }) => host === undefined)
      .map(({ name, id, peerUrls }) => `${name || id} (${peerUrls.join(', ')}) is a member and no host of the config`),
    ...etcd.missing.map((host) => `${host} is no member`),
    ...etcd.strayAlarms.map((alarm) => strayAlarmText(alarm)),
    ...(versions.size > 1 ? [`members of different versions: ${[...versions].sort().join(', ')}`] : []),
    ...(clusters.size > 1 ? [`members of different clusters: ${[...clusters].join(', ')}`] : []),
    ...(leaders.has('0') ? ['some members know of no leader'] : []),
    ...(leaders.size > 1 && !leaders.has('0') ? ['the members do not agree who leads'] : []),
  ];
}

function ownProblems({ id, name, host, role, state, error, lag, dbPercent, alarms }: MemberHealth): readonly string[] {
  const called = name || host || id;
  return [
    ...(state === 'unhealthy' ? [`${called} is not healthy: ${error ?? 'no reason given'}`] : []),
    ...(state === 'unknown' ? [`the state of ${called} is unknown: ${error ?? ''}`] : []),
    ...(role === 'learner' ? [`${called} is a learner and does not vote`] : []),
    ...(role === 'not started' ? [`${called} was added and never started`] : []),
    ...(lag !== undefined && lag > farBehind ? [`${called} is ${lag} entries behind the leader`] : []),
    ...(dbPercent !== undefined && dbPercent > fullPercent
      ? [`the database of ${called} fills ${dbPercent} % of its quota`]
      : []),
    ...alarms.map((alarm) => `alarm ${alarm} of ${called}`),
  ];
}
