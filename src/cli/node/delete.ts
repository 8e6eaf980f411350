import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { placeOf } from '../../config/index.js';
import {
  deleteNodesOfCluster,
  type EtcdObservation,
  forecastDelete,
  leavingNodes,
  type NodesObservation,
  nodesAndEtcd,
  servingHosts,
  whyNoSnapshot,
} from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { readCluster, runOperation, sizeOf } from '../operation.js';
import { type DrainFlags, drainOptions } from './drain.js';
import { speakersOf } from './nodes.js';

interface DeleteCommand extends DrainFlags {
  readonly wipeData?: boolean;
}

interface Seen {
  readonly observed: NodesObservation;
  readonly etcd: EtcdObservation;
}

const nobody: Seen = {
  observed: { objects: null, nodes: [], failures: [] },
  etcd: { membership: 'unknown', members: [], missing: [], strayAlarms: [], failures: [] },
};

/** `kubexm node delete NODE...` */
export async function run({ options, args, io }: Invocation<DeleteCommand>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const nodes = [...new Set(args)];
  const speakers = speakersOf(cluster);
  const wipeData = options.wipeData === true;
  const drain = { ...drainOptions(options), leaving: true };
  const edit = await withoutHosts(cluster, options.config, nodes);
  let lines: readonly string[] = [];
  let warnings: readonly string[] = [];
  const { exitCode } = await runOperation<Seen>({
    cluster,
    options,
    io,
    name: `node delete ${nodes.join(' ')}`,
    // Every node forgets a control plane; a worker, nobody but the API.
    ...(nodes.some((node) => speakers.includes(node)) ? {} : { only: [...speakers, ...nodes] }),
    also: nodes,
    mayBeDown: () => true,
    read: async (runtime) =>
      servingHosts(runtime.planContext()).length > 0 ? await readCluster(runtime, nodesAndEtcd) : nobody,
    plan(ctx, seen) {
      const without = whyNoSnapshot(ctx, seen.etcd);
      const params = { ...seen, nodes, drain, wipeData, snapshot: without === undefined };
      lines = forecastDelete(ctx, params);
      const leaving = leavingNodes(ctx, params);
      const members = leaving.some(({ member }) => member !== undefined);
      const dead = leaving.filter(({ reachable }) => !reachable).map(({ name }) => name);
      warnings = [
        'Pods of these nodes end there; what is in their emptyDirs is lost.',
        wipeData
          ? 'Images, logs and data on the hosts are deleted.'
          : 'Images and logs stay on the disks of the hosts.',
        ...(members && without !== undefined ? [`No snapshot of etcd can be taken: ${without}.`] : []),
        ...(dead.length > 0 ? [afterDeath(dead)] : []),
      ];
      return deleteNodesOfCluster(params).plan(ctx);
    },
    summary: (graph) => [`Leaving the cluster; ${sizeOf(graph)}`, ...lines.map((line) => `  ${line}`)].join('\n'),
    question: () => ({
      lines: warnings,
      question: `Remove ${nodes.join(', ')} from the cluster ${cluster.metadata.name}?`,
    }),
    next: () => [edit, 'Next: kubexm node list'].filter((line) => line !== '').join('\n'),
  });
  return exitCode;
}

function afterDeath(hosts: readonly string[]): string {
  return `${hosts.join(', ')} cannot be cleaned: should it come back, its kubelet makes it a node again; then run the same command once more.`;
}

/** What the user must take out of the config; empty where there is nothing. */
async function withoutHosts({ spec }: Cluster, path: string, nodes: readonly string[]): Promise<string> {
  const configured = spec.hosts.map(({ name }) => name).filter((name) => nodes.includes(name));
  if (configured.length === 0) return '';
  const place = await placeOf(path, ['spec', 'roleGroups']);
  return [
    `Take ${configured.join(', ')} out of the config: spec.roleGroups (${place}) and spec.hosts.`,
    'As long as it is there, kubexm cluster create makes it a node again.',
  ].join('\n');
}
