import type { HostName } from '../../plan/index.js';
import type { EtcdAlarm, EtcdEndpointState, EtcdStateReport } from '../../step/index.js';
import type { PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { etcdMembers } from './endpoints.js';

/** Name of the log events that carry what a host could learn of etcd. */
export const etcdStateReport = 'etcd:state';

/** A member of the running cluster, with what its endpoint says. */
export interface ObservedMember {
  /** Hexadecimal. */
  readonly id: string;
  /** Empty: it was added and has never started. */
  readonly name: string;
  /** The host of the config that has this peer URL. */
  readonly host?: HostName;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
  readonly isLeader: boolean;
  readonly alarms: readonly string[];
  /** It answers, and commits a proposal. An alarm changes nothing about that. */
  readonly healthy: boolean;
  /** Why it is not healthy. */
  readonly error?: string;
  readonly state?: EtcdEndpointState;
}

/** etcd as it runs. */
export interface EtcdObservation {
  /**
   * `agreed`: by a quorum, read through the leader. `stale`: what the members that answer last knew; there is no quorum.
   * `unknown`: nobody answers, so there is only the config.
   */
  readonly membership: 'agreed' | 'stale' | 'unknown';
  readonly members: readonly ObservedMember[];
  /** Hosts of the role etcd that are no member; known only where the membership is agreed. */
  readonly missing: readonly HostName[];
  /** Alarms of members that are none any more, or that etcd could not name (`memberId` 0): they stay until they are disarmed. */
  readonly strayAlarms: readonly EtcdAlarm[];
  readonly failures: Findings['failures'];
}

/** etcd found that its data differs from that of the others. */
export function isCorrupt({ alarms }: ObservedMember): boolean {
  return alarms.includes('CORRUPT');
}

/** It commits, and its data may be relied on. */
export function isSound(member: ObservedMember): boolean {
  return member.healthy && !isCorrupt(member);
}

/** Kinds of all alarms that are raised, without those of `leaving` and of members that are gone already. */
export function alarmsWithout({ members, strayAlarms }: EtcdObservation, leaving?: ObservedMember): readonly string[] {
  const unnamed = strayAlarms.filter(({ memberId }) => memberId === unnamedMember).map(({ alarm }) => alarm);
  return [...new Set([...members.filter((each) => each !== leaving).flatMap(({ alarms }) => alarms), ...unnamed])];
}

/** etcd found that data differs, and cannot tell whose is right. */
const unnamedMember = '0';

/** For people. */
export function strayAlarmText({ memberId, alarm }: EtcdAlarm): string {
  return memberId === unnamedMember
    ? `alarm ${alarm} of a member that etcd cannot name`
    : `alarm ${alarm} of ${memberId}, which is no member any more`;
}

/** Puts together what the hosts said. */
export function observeEtcd(ctx: PlanContext, findings: Findings): EtcdObservation {
  const reports = reported<EtcdStateReport>(findings, etcdStateReport).map(({ data }) => data);
  const wanted = etcdMembers(ctx);
  const agreed = reports.find((report) => report.members)?.members;
  const stale = reports.find((report) => report.localMembers)?.localMembers;
  const list = agreed ?? stale ?? [];
  const endpoints = new Map(
    reports.flatMap((report) => report.endpoints.map((state) => [state.endpoint, state] as const)),
  );
  const alarms = reports.find((report) => report.members && report.alarms.length > 0)?.alarms ?? [];
  const members = list.map((member): ObservedMember => {
    const spec = wanted.find((each) => member.peerUrls.includes(each.peerUrl));
    const urls = spec === undefined ? member.clientUrls : [spec.clientUrl, ...member.clientUrls];
    const state = urls.map((url) => endpoints.get(url)).find((each) => each !== undefined);
    const error = state === undefined ? 'it was not asked: no host that answers can reach it' : state.error;
    return {
      id: member.id,
      name: member.name,
      ...(spec === undefined ? {} : { host: spec.name }),
      peerUrls: member.peerUrls,
      clientUrls: member.clientUrls,
      isLearner: member.isLearner,
      isLeader: state?.status !== undefined && state.status.leaderId === member.id,
      alarms: alarms.filter(({ memberId }) => memberId === member.id).map(({ alarm }) => alarm),
      healthy: state?.healthy ?? false,
      ...(error === undefined ? {} : { error }),
      ...(state === undefined ? {} : { state }),
    };
  });
  return {
    membership: agreed ? 'agreed' : stale ? 'stale' : 'unknown',
    // etcd lists them by their ids, which are random.
    members: members.toSorted((a, b) => (a.host ?? a.name).localeCompare(b.host ?? b.name, 'en', { numeric: true })),
    // A list that nobody could read, or that may be out of date, does not tell who is no member.
    missing: agreed
      ? wanted.filter((each) => !members.some((member) => member.host === each.name)).map(({ name }) => name)
      : [],
    strayAlarms: alarms.filter(({ memberId }) => !list.some(({ id }) => id === memberId)),
    failures: findings.failures,
  };
}
