import {
  alarmsWithout,
  corruptMembers,
  corruptRunbook,
  type EtcdObservation,
  etcdStateOf,
  outOfSpace,
  strayAlarmText,
} from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { spaceTable } from './space-table.js';
import { loadManagedEtcd } from './verdict.js';

/** `kubexm etcd alarms`: exit code 0 without an alarm, 3 with one, 1 where nobody can tell. */
export async function run({ options, io }: Invocation): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const etcd = await readCluster(runtime, etcdStateOf);
    const ofMembers = etcd.members.flatMap(({ host, name, id, alarms: raised }) =>
      raised.map((alarm) => ({ member: host ?? (name || id), alarm })),
    );
    const alarms = [...ofMembers, ...etcd.strayAlarms.map(({ memberId, alarm }) => ({ member: memberId, alarm }))];
    if (options.output === 'json') printJson(io, { known: etcd.membership === 'agreed', alarms });
    else {
      print(io, spaceTable(etcd));
      for (const alarm of etcd.strayAlarms) note(io, strayAlarmText(alarm));
      note(io, advice(etcd));
    }
    if (etcd.membership !== 'agreed') return 1;
    return alarms.length === 0 ? 0 : 3;
  });
}

function advice(etcd: EtcdObservation): string {
  if (etcd.membership !== 'agreed')
    return 'etcd has no quorum: whether it has alarms is unknown. Next: kubexm etcd members';
  if (alarmsWithout(etcd).includes('CORRUPT')) {
    const corrupt = corruptMembers(etcd);
    return [`CORRUPT: ${corrupt.join(', ') || 'unknown'}`, ...corruptRunbook(corrupt)].join('\n');
  }
  if (outOfSpace(etcd).length > 0) return 'etcd takes no writes. Next: kubexm etcd recover-space';
  const [gone] = etcd.strayAlarms;
  return gone ? `etcd takes no writes. Next: kubexm etcd remove-member ${gone.memberId}` : 'no alarms';
}
