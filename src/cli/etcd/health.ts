import { plural } from '../../logger/index.js';
import type { Style } from '../../logger/style.js';
import { type EtcdHealth, etcdHealthOf } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { print, printJson } from '../io.js';
import { readCluster } from '../operation.js';
import { stdoutStyle } from '../readers.js';
import { gatherFacts, withRuntime } from '../session.js';
import { membersTable } from './members-table.js';
import { loadManagedEtcd, verdictExitCodes } from './verdict.js';

/** `kubexm etcd health`. Works with members and hosts down. */
export async function run({ options, io }: Invocation): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const health = await readCluster(runtime, etcdHealthOf);
    if (options.output === 'json') printJson(io, health);
    else print(io, healthText(health, stdoutStyle(io)));
    return verdictExitCodes[health.verdict];
  });
}

const words = { healthy: 'healthy', degraded: 'degraded', 'no-quorum': 'no quorum' } as const;

/** The verdict with its arithmetic and its reasons, then the members, then what hangs on them. */
export function healthText(health: EtcdHealth, style: Style): string {
  const { verdict, quorum, problems, members } = health;
  const color = { healthy: style.green, degraded: style.yellow, 'no-quorum': style.red }[verdict];
  const head = [
    `etcd: ${color(words[verdict])} (${quorum})`,
    ...problems.map((problem) => `  ${style.red('✖')} ${problem}`),
  ].join('\n');
  const rest = [certificatesLine(health), apiserversLine(health), backupsLine(health)].join('\n');
  return [head, ...(members.length > 0 ? [membersTable(members)] : []), rest].join('\n\n');
}

function certificatesLine({ certificates }: EtcdHealth): string {
  const dated = certificates.flatMap((each) => (each.daysLeft === undefined ? [] : [{ ...each, days: each.daysLeft }]));
  const [first] = dated.sort((a, b) => a.days - b.days);
  const unknown = certificates.filter(({ state }) => state === 'unknown').length;
  const counted = `Certificates: ${dated.length}${unknown > 0 ? `, ${unknown} unknown` : ''}`;
  if (first === undefined) return counted;
  return `${counted}; the first to run out: ${first.path} on ${first.host}, ${first.days < 0 ? 'has run out' : `in ${plural(first.days, 'day')}`}`;
}

function apiserversLine({ apiservers }: EtcdHealth): string {
  const set = apiservers.filter(({ state }) => state === 'present');
  const current = set.filter(({ isCurrent }) => isCurrent === true);
  const unknown = apiservers.filter(
    (each) => each.state === 'unknown' || (each.state === 'present' && each.isCurrent === undefined),
  );
  return `Apiservers: ${current.length} of ${set.length} name exactly the members${unknown.length > 0 ? `; unknown: ${unknown.map(({ host }) => host).join(', ')}` : ''}`;
}

function backupsLine({ backups }: EtcdHealth): string {
  const times = backups.flatMap(({ host, lastSuccess }) => (lastSuccess ? [{ host, ...lastSuccess }] : []));
  const last = times.sort((a, b) => a.time.localeCompare(b.time)).at(-1);
  const next = backups.find((each) => each.next !== undefined)?.next;
  if (last !== undefined)
    return `Backups by time: the last one that was proven ${last.time}, revision ${last.revision}, on ${last.host}${next === undefined ? '' : `; next ${next}`}`;
  return backups.some(({ timer }) => timer !== 'absent') ? 'Backups by time: none yet' : 'Backups by time: none set up';
}
