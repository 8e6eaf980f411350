import type { MonitoringJobs } from './monitoring.js';

interface Graph {
  readonly title: string;
  /** Grafana's own words for units: `bytes`, `s`, `percentunit`, `short`. */
  readonly unit: string;
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
}

/** A dashboard in the form that Grafana imports. The data source is chosen in it. */
export function etcdDashboard({ cluster, jobs }: { readonly cluster: string; readonly jobs: MonitoringJobs }) {
  const job = `job="${jobs.members}"`;
  const member = '{{member}}';
  const p99 = (metric: string) =>
    `histogram_quantile(0.99, sum by (member, le) (rate(${metric}_bucket{${job}}[$__rate_interval])))`;
  const graphs: readonly Graph[] = [
    {
      title: 'Members that answer',
      unit: 'short',
      queries: [{ expr: `sum(up{${job}})`, legend: 'members' }],
    },
    {
      title: 'Has a leader',
      unit: 'short',
      queries: [{ expr: `etcd_server_has_leader{${job}}`, legend: member }],
    },
    {
      title: 'Leader changes in an hour',
      unit: 'short',
      queries: [{ expr: `increase(etcd_server_leader_changes_seen_total{${job}}[1h])`, legend: member }],
    },
    {
      title: 'Database',
      unit: 'bytes',
      queries: [
        { expr: `etcd_mvcc_db_total_size_in_bytes{${job}}`, legend: `${member} size` },
        { expr: `etcd_mvcc_db_total_size_in_use_in_bytes{${job}}`, legend: `${member} in use` },
        { expr: `max(etcd_server_quota_backend_bytes{${job}})`, legend: 'quota' },
      ],
    },
    {
      title: 'Sync of the log, p99',
      unit: 's',
      queries: [{ expr: p99('etcd_disk_wal_fsync_duration_seconds'), legend: member }],
    },
    {
      title: 'Commit, p99',
      unit: 's',
      queries: [{ expr: p99('etcd_disk_backend_commit_duration_seconds'), legend: member }],
    },
    {
      title: 'Round trip between members, p99',
      unit: 's',
      queries: [{ expr: p99('etcd_network_peer_round_trip_time_seconds'), legend: member }],
    },
    {
      title: 'Proposals',
      unit: 'short',
      queries: [
        {
          expr: `rate(etcd_server_proposals_committed_total{${job}}[$__rate_interval])`,
          legend: `${member} committed/s`,
        },
        { expr: `etcd_server_proposals_pending{${job}}`, legend: `${member} pending` },
        { expr: `rate(etcd_server_proposals_failed_total{${job}}[$__rate_interval])`, legend: `${member} failed/s` },
      ],
    },
    {
      title: 'Requests',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (member) (rate(grpc_server_started_total{${job},grpc_type="unary"}[$__rate_interval]))`,
          legend: member,
        },
      ],
    },
    {
      title: 'Days until a served certificate runs out',
      unit: 'd',
      queries: [
        {
          expr: `(probe_ssl_earliest_cert_expiry{job="${jobs.certificates}"} - time()) / 86400`,
          legend: '{{instance}}',
        },
      ],
    },
    {
      title: 'Age of the newest backup by time',
      unit: 's',
      queries: [
        {
          expr: `time() - max(kubexm_etcd_backup_last_success_timestamp_seconds{cluster="${cluster}"})`,
          legend: 'age',
        },
      ],
    },
  ];
  return {
    title: `etcd of ${cluster}`,
    uid: `kubexm-etcd-${cluster}`.slice(0, 40),
    schemaVersion: 39,
    tags: ['etcd', 'kubexm'],
    time: { from: 'now-6h', to: 'now' },
    refresh: '30s',
    templating: { list: [{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }] },
    panels: graphs.map(panel),
  };
}

const datasource = { type: 'prometheus', uid: '${datasource}' };

/** Two beside each other; Grafana's grid has 24 columns. */
function panel({ title, unit, queries }: Graph, index: number) {
  return {
    id: index + 1,
    type: 'timeseries',
    title,
    datasource,
    gridPos: { x: (index % 2) * 12, y: Math.floor(index / 2) * 8, w: 12, h: 8 },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(({ expr, legend }, query) => ({
      refId: String.fromCharCode(65 + query),
      datasource,
      expr,
      legendFormat: legend,
    })),
  };
}
