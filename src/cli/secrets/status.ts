import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { type EncryptionObservation, encryptionOf, settledKey, storedLines } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { table } from '../table.js';

/** `kubexm secrets status`. 3 where not everything is as the config says, or not known. */
export async function run({ options, io }: Invocation): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true, { only: cluster.spec.roleGroups['control-plane'] });
    const observed = await readCluster(runtime, encryptionOf);
    const state = stateOf(cluster, observed);
    const { hosts, stored, unknown, failures } = observed;
    if (options.output === 'json') {
      printJson(io, { cluster: cluster.metadata.name, state, hosts: Object.fromEntries(hosts), stored, unknown });
    } else print(io, textOf(observed, state));
    for (const failure of failures) note(io, failure);
    if (state === 'changing') note(io, 'Next: kubexm secrets rotate-key goes on; kubexm cluster create does as well');
    return state === 'encrypted' || state === 'clear' ? 0 : 3;
  });
}

/** `changing`: not everything is as the config says. */
type State = 'encrypted' | 'clear' | 'changing' | 'unknown';

function stateOf({ spec }: Cluster, observed: EncryptionObservation): State {
  const wanted = spec.kubernetes.encryptionAtRest?.resources ?? [];
  const { hosts, stored, unknown } = observed;
  if (unknown.length > 0 || stored === null) return 'unknown';
  if (wanted.length === 0)
    return [...hosts.values()].every((each) => Object.keys(each).length === 0) ? 'clear' : 'changing';
  const all = [...hosts.values()].every((providers) => wanted.every((resource) => resource in providers));
  return all && settledKey(observed) !== undefined ? 'encrypted' : 'changing';
}

function textOf(observed: EncryptionObservation, state: State): string {
  const rows = [...observed.hosts].flatMap(([host, providers]) =>
    Object.entries(providers).map(([resource, [writes = '', ...reads]]) => [host, resource, writes, reads.join(', ')]),
  );
  return [
    `Encryption at rest: ${state}`,
    ...(rows.length > 0 ? ['', table([['HOST', 'RESOURCE', 'WRITES', 'READS AS WELL'], ...rows])] : []),
    '',
    'In etcd:',
    ...(Object.keys(observed.stored ?? { unknown: true }).length > 0
      ? storedLines(observed).map((line) => `  ${line}`)
      : ['  nothing is looked at']),
  ].join('\n');
}
