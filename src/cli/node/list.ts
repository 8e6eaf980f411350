import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { plural } from '../../logger/index.js';
import { type ListedNode, type NodesObservation, nodesOf } from '../../pipeline/index.js';
import type { Runtime } from '../../runtime/index.js';
import type { Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { table } from '../table.js';

/** `kubexm node list`. Works with hosts and control planes down. Exit code 1 where no control plane tells which nodes there are. */
export async function run({ options, io }: Invocation): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const { objects, nodes, failures } = await readNodes(runtime, cluster);
    const known = objects !== null;
    if (options.output === 'json') printJson(io, { api: known ? 'answered' : 'unknown', nodes, failures });
    else {
      print(io, nodesText(nodes));
      for (const { message } of failures) note(io, message);
      if (!known)
        note(io, 'no control plane told which nodes there are: their states are unknown. Next: kubexm cluster status');
    }
    return known ? 0 : 1;
  });
}

/** Where no host of a node answers, there is nobody to ask. */
async function readNodes(runtime: Runtime, { spec }: Cluster): Promise<NodesObservation> {
  const reading = nodesOf({ certificates: true });
  const ctx = runtime.planContext();
  const hosts = [...spec.roleGroups['control-plane'], ...spec.roleGroups.worker];
  return hosts.some((host) => ctx.facts.has(host))
    ? await readCluster(runtime, reading)
    : reading.interpret(ctx, { reports: [], failures: [] });
}

/** A table; below it, node by node, what is worth a word. */
export function nodesText(nodes: readonly ListedNode[], now = Date.now()): string {
  const rows = nodes.map((node) => [
    node.name,
    stateText(node),
    node.roles.join(',') || '-',
    node.createdAt === undefined ? '-' : ageText(now - Date.parse(node.createdAt)),
    node.kubelet ?? '-',
    node.runtime ?? '-',
    node.os ?? '-',
    node.kernel ?? '-',
    node.address ?? '-',
    node.certificateDays === undefined ? 'unknown' : plural(node.certificateDays, 'day'),
  ]);
  const head = ['NODE', 'STATE', 'ROLES', 'AGE', 'KUBELET', 'RUNTIME', 'OS', 'KERNEL', 'ADDRESS', 'CERTIFICATE'];
  const remarks = nodes.flatMap(({ name, conditions, drift }) =>
    [...conditions, ...drift].map((text) => `${name}: ${text}`),
  );
  return [table([head, ...rows]), ...(remarks.length > 0 ? ['', ...remarks] : [])].join('\n');
}

function stateText({ state, cordoned }: ListedNode): string {
  const text = state === 'absent' ? 'no node' : state === 'not-ready' ? 'not ready' : state;
  return cordoned ? `${text}, cordoned` : text;
}

/** `3d`, `5h`, `12m` */
function ageText(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 120) return `${minutes}m`;
  return minutes < 2 * 24 * 60 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / (24 * 60))}d`;
}
