import { formatBytes } from '../../logger/index.js';
import type { MemberHealth } from '../../pipeline/index.js';
import { table } from '../table.js';

/** A row each member; `?` stands for what nobody could tell, `-` for what there is none of. */
export function membersTable(members: readonly MemberHealth[]): string {
  return table([
    ['ETCD', 'ROLE', 'STATE', 'TERM', 'INDEX', 'LAG', 'DB', 'IN USE', 'QUOTA', 'LATENCY', 'VERSION', 'ALARMS'],
    ...members.map((member) => [
      member.name || member.host || member.id,
      member.role,
      member.state,
      known(member.raftTerm, String),
      known(member.raftIndex, String),
      known(member.lag, String),
      known(member.dbSizeBytes, formatBytes),
      known(member.dbSizeInUseBytes, formatBytes),
      known(member.dbPercent, (percent) => `${percent} %`),
      known(member.latencyMs, (ms) => `${ms.toFixed(1)} ms`),
      known(member.version, (version) => version),
      member.alarms.join(',') || '-',
    ]),
  ]);
}

function known<T>(value: T | undefined, text: (value: T) => string): string {
  return value === undefined ? '?' : text(value);
}
