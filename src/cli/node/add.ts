import { KubexmError } from '../../errors/index.js';
import {
  addNodesToCluster,
  type EtcdObservation,
  etcdStateOf,
  forecastNodes,
  membersAmong,
  needsMembership,
  whyNoSnapshot,
} from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation, sizeOf, touchedBy } from '../operation.js';
import { nodesNamed, speakersOf } from './nodes.js';

/** `kubexm node add HOST...` */
export async function run({ options, args, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const hosts = nodesNamed(cluster, args);
  const speakers = speakersOf(cluster);
  const changesOthers = hosts.some((host) => speakers.includes(host));
  let lines: readonly string[] = [];
  let touched = { hosts: [] as readonly string[], jobs: 0 };
  const { exitCode } = await runOperation<EtcdObservation | undefined>({
    cluster,
    options,
    io,
    name: `node add ${hosts.join(' ')}`,
    // Every node learns of a new control plane; of a new worker, nobody.
    ...(changesOthers ? {} : { only: [...speakers, ...hosts] }),
    mayBeDown: (host) => !hosts.includes(host),
    async read(runtime) {
      return membersAmong(runtime.planContext(), hosts).length > 0
        ? await readCluster(runtime, etcdStateOf)
        : undefined;
    },
    plan(ctx, observed) {
      const params = { hosts, ...(observed ? { etcd: { observed, snapshot: true } } : {}) };
      lines = forecastNodes(ctx, params);
      const etcd = observed && { observed, snapshot: true };
      const joins = etcd !== undefined && needsMembership(ctx, { hosts, etcd });
      const without = joins ? whyNoSnapshot(ctx, etcd.observed) : undefined;
      if (without !== undefined) throw noSnapshot(without);
      const graph = addNodesToCluster({ hosts, ...(joins ? { etcd } : {}) }).plan(ctx);
      touched = touchedBy(graph);
      return graph;
    },
    summary: (graph) =>
      [
        `${hosts.join(', ')} becomes a node: ${sizeOf(graph)} (${touched.hosts.join(', ')}) of ${cluster.spec.hosts.length}`,
        ...lines.map((line) => `  ${line}`),
      ].join('\n'),
    result: () => ({ text: '', json: { touched } }),
    next: () => 'Next: kubexm node list',
  });
  return exitCode;
}

function noSnapshot(why: string): KubexmError {
  return new KubexmError('GUARD_REFUSED', `no snapshot of etcd can be taken before its members change: ${why}`, {
    hint: 'kubexm etcd health',
    retryable: false,
  });
}
