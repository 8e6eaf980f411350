import { formatBytes, plural, type Style } from '../../logger/index.js';
import { table } from '../table.js';

/** What `cluster status` shows; the pipeline's `clusterStatus` returns it. */
export interface ClusterStatusView {
  readonly name: string;
  readonly healthy: boolean;
  /** Why it is not. */
  readonly problems: readonly string[];
  readonly nodes: readonly {
    readonly name: string;
    readonly roles: readonly string[];
    readonly ready: boolean;
    readonly version: string;
    readonly address: string;
    readonly runtime: string;
  }[];
  readonly pods: {
    readonly running: number;
    readonly total: number;
    readonly notRunning: readonly {
      readonly namespace: string;
      readonly name: string;
      readonly phase: string;
      readonly reason: string;
      readonly node: string;
    }[];
  };
  /** Null where nothing is known of it; no members where etcd is no part of this cluster. */
  readonly etcd:
    | readonly {
        readonly name: string;
        readonly endpoint: string;
        readonly healthy: boolean;
        readonly leader: boolean;
        readonly version: string;
        readonly dbSizeBytes: number;
      }[]
    | null;
  readonly certificates: readonly { readonly host: string; readonly name: string; readonly expiresAt: string }[];
}

// A certificate that runs out within a month is told of.
const soonMs = 30 * 24 * 3600 * 1000;

/** Tables of nodes and etcd members; pods and certificates only where something is to be said of them. */
export function formatStatus(status: ClusterStatusView, style: Style, now = Date.now()): string {
  const verdict = status.healthy ? style.green('healthy') : style.red('not healthy');
  const parts = [
    [
      `Cluster ${style.bold(status.name)}: ${verdict}`,
      ...status.problems.map((problem) => `  ${style.red('✖')} ${problem}`),
    ].join('\n'),
  ];
  parts.push(
    table([
      ['NODE', 'READY', 'ROLES', 'VERSION', 'ADDRESS', 'RUNTIME'],
      ...status.nodes.map(({ name, ready, roles, version, address, runtime }) => [
        name,
        ready ? 'yes' : 'NO',
        roles.join(',') || '-',
        version,
        address,
        runtime,
      ]),
    ]),
  );
  if (status.etcd === null) parts.push('ETCD  unknown');
  else if (status.etcd.length > 0) {
    parts.push(
      table([
        ['ETCD', 'HEALTHY', 'LEADER', 'VERSION', 'DB', 'ENDPOINT'],
        ...status.etcd.map(({ name, healthy, leader, version, dbSizeBytes, endpoint }) => [
          name,
          healthy ? 'yes' : 'NO',
          leader ? 'yes' : '',
          version,
          formatBytes(dbSizeBytes),
          endpoint,
        ]),
      ]),
    );
  }
  parts.push(
    [`Pods: ${status.pods.running} of ${status.pods.total} running`, ...podLines(status.pods.notRunning)].join('\n'),
  );
  parts.push(certificateLine(status.certificates, now, style));
  return parts.join('\n\n');
}

function podLines(pods: ClusterStatusView['pods']['notRunning']): string[] {
  return pods.map(
    ({ namespace, name, phase, reason, node }) =>
      `  ${namespace}/${name} on ${node || '-'}: ${phase}${reason === '' ? '' : ` (${reason})`}`,
  );
}

function certificateLine(certificates: ClusterStatusView['certificates'], now: number, style: Style): string {
  const first = [...certificates].sort((a, b) => Date.parse(a.expiresAt) - Date.parse(b.expiresAt))[0];
  if (first === undefined) return 'Certificates: none seen';
  const left = Date.parse(first.expiresAt) - now;
  const days = Math.floor(left / 86_400_000);
  const text = `Certificates: ${certificates.length}, the first to run out: ${first.name} on ${first.host}, ${left < 0 ? 'has run out' : `in ${plural(days, 'day')}`} (${first.expiresAt.slice(0, 10)})`;
  return left < soonMs ? style.yellow(text) : text;
}
