import type { MonitoringJobs } from './monitoring.js';
import { quorumOf } from './quorum.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: 'critical' | 'warning' };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface RulesOptions {
  readonly cluster: string;
  readonly jobs: MonitoringJobs;
  /** How many there are. */
  readonly members: number;
  /** Backups by time are wanted. */
  readonly backups: boolean;
}

/** Alerts for Prometheus; what each tells of is what somebody must act on. */
export function etcdRules(options: RulesOptions) {
  return {
    groups: [
      {
        name: `etcd-${options.cluster}`,
        rules: [...quorumRules(options), ...loadRules(options), ...ageRules(options)],
      },
    ],
  };
}

function quorumRules({ jobs, members }: RulesOptions): readonly Rule[] {
  const job = `job="${jobs.members}"`;
  const quorum = quorumOf(members);
  const rules: Rule[] = [
    {
      alert: 'EtcdNoLeader',
      expr: `etcd_server_has_leader{${job}} == 0`,
      for: '1m',
      labels: { severity: 'critical' },
      annotations: {
        summary: 'etcd member {{ $labels.instance }} knows of no leader',
        description: 'It cannot write. kubexm etcd health says which members are up and what the quorum is.',
      },
    },
    {
      alert: 'EtcdNoQuorum',
      // No series at all is as bad.
      expr: `(sum(up{${job}}) or vector(0)) < ${quorum}`,
      for: '1m',
      labels: { severity: 'critical' },
      annotations: {
        summary: `fewer than ${quorum} of ${members} etcd members answer`,
        description:
          'The cluster cannot change. Start the members that are down; where their disks are lost: kubexm etcd restore.',
      },
    },
  ];
  if (members === quorum) return rules;
  return [
    ...rules,
    {
      alert: 'EtcdQuorumAtRisk',
      expr: `sum(up{${job}}) == ${quorum}`,
      for: '3m',
      labels: { severity: 'critical' },
      annotations: {
        summary: `only ${quorum} of ${members} etcd members answer: none more may fail`,
        description: 'Start the member that is down, or replace it: kubexm etcd replace-member.',
      },
    },
    {
      alert: 'EtcdMemberDown',
      expr: `up{${job}} == 0`,
      for: '3m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'etcd member {{ $labels.instance }} does not answer',
        description: 'journalctl -u etcd on its host says why; kubexm etcd health shows the others.',
      },
    },
  ];
}

function loadRules({ jobs }: RulesOptions): readonly Rule[] {
  const job = `job="${jobs.members}"`;
  const p99 = (metric: string) =>
    `histogram_quantile(0.99, sum by (instance, le) (rate(${metric}_bucket{${job}}[5m])))`;
  return [
    {
      alert: 'EtcdDatabaseNearQuota',
      expr: `etcd_mvcc_db_total_size_in_bytes{${job}} / etcd_server_quota_backend_bytes{${job}} > 0.8`,
      for: '10m',
      labels: { severity: 'critical' },
      annotations: {
        summary:
          'the database of etcd member {{ $labels.instance }} fills {{ $value | humanizePercentage }} of its quota',
        description:
          'At 100 % etcd takes no more writes. kubexm etcd defrag gives free pages back; else raise etcd.performance.quotaBackendBytes.',
      },
    },
    {
      alert: 'EtcdLeaderChanges',
      expr: `max(increase(etcd_server_leader_changes_seen_total{${job}}[15m])) >= 4`,
      for: '5m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'etcd has changed its leader {{ $value | humanize }} times in 15 minutes',
        description: 'Disks or the network between the members are too slow, or the hosts too busy.',
      },
    },
    {
      alert: 'EtcdSlowFsync',
      expr: `${p99('etcd_disk_wal_fsync_duration_seconds')} > 0.1`,
      for: '10m',
      labels: { severity: 'warning' },
      annotations: {
        summary:
          'the disk of etcd member {{ $labels.instance }} needs {{ $value | humanizeDuration }} for a sync (p99)',
        description: 'etcd wants 10 ms. Give it a disk of its own, a faster one.',
      },
    },
    {
      alert: 'EtcdSlowCommit',
      expr: `${p99('etcd_disk_backend_commit_duration_seconds')} > 0.25`,
      for: '10m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'etcd member {{ $labels.instance }} needs {{ $value | humanizeDuration }} for a commit (p99)',
        description: 'etcd wants 25 ms. The disk is too slow or too busy.',
      },
    },
  ];
}

function ageRules({ cluster, jobs, backups }: RulesOptions): readonly Rule[] {
  const metric = `kubexm_etcd_backup_last_success_timestamp_seconds{cluster="${cluster}"}`;
  const ends = `probe_ssl_earliest_cert_expiry{job="${jobs.certificates}"} - time()`;
  const certificate = (days: number, severity: 'critical' | 'warning'): Rule => ({
    alert: 'EtcdCertificateExpires',
    expr: `${ends} < ${days} * 86400`,
    for: '1h',
    labels: { severity },
    annotations: {
      summary: 'a certificate that {{ $labels.instance }} serves runs out in {{ $value | humanizeDuration }}',
      description: 'kubexm etcd renew-certs makes new ones; nothing is restarted.',
    },
  });
  return [
    certificate(30, 'warning'),
    certificate(7, 'critical'),
    ...(backups
      ? [
          {
            alert: 'EtcdBackupTooOld',
            // A day and two hours: for backups that are made every day. Change it where yours are made at other times.
            expr: `time() - max(${metric}) > 26 * 3600 or absent(${metric})`,
            for: '15m',
            labels: { severity: 'critical' as const },
            annotations: {
              summary: 'there is no recent backup of etcd',
              description:
                'kubexm etcd health and journalctl -u kubexm-etcd-backup on the members say why; kubexm etcd backup makes one now.',
            },
          },
        ]
      : []),
  ];
}
