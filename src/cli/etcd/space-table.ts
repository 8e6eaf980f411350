import type { EtcdObservation } from '../../pipeline/index.js';
import { table } from '../table.js';

/** How large the members' databases are, and their alarms. */
export function spaceTable({ members }: EtcdObservation): string {
  const rows = members.map(({ name, host, isLeader, alarms, state }) => {
    const status = state?.status;
    return [
      `  ${name || (host ?? '-')}${isLeader ? ' (leader)' : ''}`,
      status ? mib(status.dbSizeBytes) : 'unknown',
      status ? mib(status.dbSizeInUseBytes) : 'unknown',
      status?.quotaBytes === undefined ? 'not told' : mib(status.quotaBytes),
      alarms.join(', ') || 'none',
    ];
  });
  return table([['  MEMBER', 'SIZE', 'IN USE', 'QUOTA', 'ALARMS'], ...rows]);
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
