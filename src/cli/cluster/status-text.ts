import { plural, type Style } from '../../logger/index.js';
import type { ClusterStatus } from '../../pipeline/index.js';
import { membersTable } from '../etcd/members-table.js';
import { table } from '../table.js';

// A certificate that runs out within a month is told of.
const soonMs = 30 * 24 * 3600 * 1000;

/** Tables of nodes and etcd members; pods and certificates only where something is to be said of them. */
export function formatStatus(status: ClusterStatus, style: Style, now = Date.now()): string {
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
  else if (status.etcd.length > 0) parts.push(membersTable(status.etcd));
  parts.push(
    [`Pods: ${status.pods.running} of ${status.pods.total} running`, ...podLines(status.pods.notRunning)].join('\n'),
  );
  parts.push(certificateLine(status.certificates, now, style));
  return parts.join('\n\n');
}

function podLines(pods: ClusterStatus['pods']['notRunning']): string[] {
  return pods.map(
    ({ namespace, name, phase, reason, node }) =>
      `  ${namespace}/${name} on ${node || '-'}: ${phase}${reason === '' ? '' : ` (${reason})`}`,
  );
}

function certificateLine(certificates: ClusterStatus['certificates'], now: number, style: Style): string {
  const first = [...certificates].sort((a, b) => Date.parse(a.expiresAt) - Date.parse(b.expiresAt))[0];
  if (first === undefined) return 'Certificates: none seen';
  const left = Date.parse(first.expiresAt) - now;
  const days = Math.floor(left / 86_400_000);
  const text = `Certificates: ${certificates.length}, the first to run out: ${first.name} on ${first.host}, ${left < 0 ? 'has run out' : `in ${plural(days, 'day')}`} (${first.expiresAt.slice(0, 10)})`;
  return left < soonMs ? style.yellow(text) : text;
}
