import { formatBytes } from '../../logger/index.js';
import type { EtcdObservation } from '../../pipeline/index.js';
import { table } from '../table.js';

/** How large the members' databases are, and their alarms. */
export function spaceTable({ members }: EtcdObservation): string {
  const rows = members.map(({ name, host, isLeader, alarms, state }) => {
    const status = state?.status;
    return [
      `  ${name || (host ?? '-')}${isLeader ? ' (leader)' : ''}`,
      status ? formatBytes(status.dbSizeBytes) : 'unknown',
      status ? formatBytes(status.dbSizeInUseBytes) : 'unknown',
      status?.quotaBytes === undefined ? 'not told' : formatBytes(status.quotaBytes),
      alarms.join(', ') || 'none',
    ];
  });
  return table([['  MEMBER', 'SIZE', 'IN USE', 'QUOTA', 'ALARMS'], ...rows]);
}
