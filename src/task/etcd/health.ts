import type { HostName } from '../../plan/index.js';
import { certificateProblems, type ObservedCertificate } from '../certs/observe.js';
import type { PlanContext } from '../context.js';
import type { Findings } from '../findings.js';
import { type BackupObservation, observeBackups } from './backup.js';
import { type MemberHealth, memberProblems, membersHealth } from './member-health.js';
import { type EtcdObservation, type ObservedMember, observeEtcd } from './observation.js';
import { quorumNow } from './quorum.js';
import { type ObservedApiserver, observeApiservers } from './read-apiservers.js';
import { observeCertificates } from './read-certificates.js';

export type EtcdVerdict = 'healthy' | 'degraded' | 'no-quorum';

/** Certificates are told of so many days before they run out. */
const warnDays = 30;

export interface EtcdHealth {
  readonly verdict: EtcdVerdict;
  /** The arithmetic. */
  readonly quorum: string;
  /** Why it is not healthy. */
  readonly problems: readonly string[];
  readonly members: readonly MemberHealth[];
  readonly certificates: readonly ObservedCertificate[];
  readonly apiservers: readonly (ObservedApiserver & {
    /** It names exactly the members; absent where either is unknown. */
    readonly isCurrent?: boolean;
  })[];
  readonly backups: BackupObservation['hosts'];
}

/** `no-quorum` also where nobody can be asked: then there is none that anybody could rely on. */
export function etcdVerdict({ membership, members, missing, strayAlarms }: EtcdObservation): EtcdVerdict {
  if (membership !== 'agreed') return 'no-quorum';
  const isWell = ({ healthy, isLearner, alarms }: ObservedMember) => healthy && !isLearner && alarms.length === 0;
  return members.every(isWell) && missing.length === 0 && strayAlarms.length === 0 ? 'healthy' : 'degraded';
}

/** Everything about a running etcd that tells whether somebody must get up. */
export function observeHealth(ctx: PlanContext, findings: Findings): EtcdHealth {
  const etcd = observeEtcd(ctx, findings);
  const members = membersHealth(ctx, etcd);
  const certificates = observeCertificates(ctx, findings);
  const apiservers = apiserversHealth(etcd, observeApiservers(ctx, findings));
  const unasked = new Set(certificates.filter(({ state }) => state === 'unknown').map(({ host }) => host));
  const { hosts: backups } = observeBackups(ctx, findings);
  const problems = [
    ...memberProblems(etcd, members),
    ...[...unasked].map((host) => unaskedText(host, certificates)),
    ...findings.failures.filter(({ host }) => !unasked.has(host)).map(({ message }) => message),
    ...certificateProblems(certificates, warnDays),
    ...apiservers.filter(({ isCurrent }) => isCurrent === false).map((each) => apiserverText(each)),
    ...backupProblems(ctx, backups),
  ];
  const verdict = etcdVerdict(etcd);
  return {
    verdict: verdict === 'healthy' && problems.length > 0 ? 'degraded' : verdict,
    quorum: quorumNow(etcd),
    problems: [...new Set(problems)],
    members,
    certificates,
    apiservers,
    backups,
  };
}

function apiserversHealth(etcd: EtcdObservation, found: readonly ObservedApiserver[]): EtcdHealth['apiservers'] {
  const started = etcd.members.filter(({ name, isLearner }) => name !== '' && !isLearner);
  const wanted = new Set(started.flatMap(({ clientUrls }) => clientUrls));
  return found.map((each) => {
    if (each.state !== 'present' || etcd.membership !== 'agreed') return each;
    const named = new Set(each.etcdServers);
    return { ...each, isCurrent: named.size === wanted.size && [...wanted].every((url) => named.has(url)) };
  });
}

function apiserverText({ host, etcdServers }: ObservedApiserver): string {
  return `the apiserver of ${host} names ${etcdServers.join(', ')}, which are not the members; kubexm cluster create puts that right`;
}

function unaskedText(host: HostName, certificates: readonly ObservedCertificate[]): string {
  const because = certificates.find((each) => each.host === host && each.state === 'unknown')?.error ?? '';
  return `${because}: what only it can tell is unknown`;
}

/** Where the config wants backups by time, every member makes them. */
function backupProblems(ctx: PlanContext, backups: BackupObservation['hosts']): readonly string[] {
  const { etcd } = ctx.cluster.spec;
  if (etcd.type === 'external' || etcd.backup.schedule === undefined) return [];
  return backups.flatMap(({ host, timer, lastResult }) => [
    ...(timer === 'absent' ? [`${host} makes no backups by time; kubexm cluster create sets that up`] : []),
    ...(timer === 'inactive' ? [`the timer of the backups does not run on ${host}`] : []),
    ...(lastResult !== undefined && lastResult !== 'success'
      ? [`the last backup by time failed on ${host} (${lastResult}): journalctl -u kubexm-etcd-backup there says why`]
      : []),
  ]);
}
