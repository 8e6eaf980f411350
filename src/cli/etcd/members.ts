import {
  type EtcdObservation,
  etcdStateOf,
  etcdVerdict,
  type ObservedMember,
  quorumNow,
  strayAlarmText,
} from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { table } from '../table.js';
import { loadManagedEtcd, verdictExitCodes } from './verdict.js';

/** `kubexm etcd members`. Works with members and hosts down. */
export async function run({ options, io }: Invocation): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const etcd = await readCluster(runtime, etcdStateOf);
    const verdict = etcdVerdict(etcd);
    if (options.output === 'json') printJson(io, { verdict, quorum: quorumNow(etcd), ...etcd });
    else {
      print(io, membersText(etcd));
      note(io, quorumNow(etcd));
      for (const alarm of etcd.strayAlarms) note(io, strayAlarmText(alarm));
      for (const { message } of etcd.failures) note(io, message);
    }
    return verdictExitCodes[verdict];
  });
}

function membersText({ members, missing }: EtcdObservation): string {
  const rows = members.map((member) => [
    member.id,
    member.name || member.host || '-',
    roleOf(member),
    stateOf(member),
    member.peerUrls.join(','),
  ]);
  const absent = missing.map((host) => ['-', host, '-', 'not a member', '-']);
  return table([['ID', 'NAME', 'ROLE', 'STATE', 'PEER URL'], ...rows, ...absent]);
}

function stateOf({ healthy, state, error, alarms }: ObservedMember): string {
  if (healthy) return alarms.length === 0 ? 'healthy' : `healthy, alarm ${alarms.join(',')}`;
  return `${state === undefined ? 'unknown: ' : ''}${error ?? 'not healthy'}`;
}

function roleOf({ name, isLeader, isLearner, state }: ObservedMember): string {
  if (name === '') return 'not started';
  if (isLearner) return 'learner';
  if (isLeader) return 'leader';
  return state?.status === undefined ? 'unknown' : 'voter';
}
