import { type EtcdObservation, etcdStateOf, type ObservedMember } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { table } from '../table.js';

/** `kubexm etcd members`. Works with members and hosts down. */
export async function run({ options, io }: Invocation): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const etcd = await readCluster(runtime, etcdStateOf);
    if (options.output === 'json') printJson(io, etcd);
    else print(io, membersText(etcd));
    return exitCodeOf(etcd);
  });
}

/** 0 healthy, 3 degraded, 1 no quorum. */
function exitCodeOf({ membership, members, missing }: EtcdObservation): number {
  if (membership !== 'agreed') return 1;
  return members.every(({ healthy }) => healthy) && missing.length === 0 ? 0 : 3;
}

function membersText({ members, missing }: EtcdObservation): string {
  const rows = members.map((member) => [
    member.id,
    member.name || member.host || '-',
    roleOf(member),
    member.healthy ? 'healthy' : (member.error ?? 'not healthy'),
    member.peerUrls.join(','),
  ]);
  const absent = missing.map((host) => ['-', host, '-', 'not a member', '-']);
  return table([['ID', 'NAME', 'ROLE', 'STATE', 'PEER URL'], ...rows, ...absent]);
}

function roleOf({ name, isLeader, isLearner }: ObservedMember): string {
  if (name === '') return 'not started';
  if (isLearner) return 'learner';
  return isLeader ? 'leader' : 'voter';
}
