import { cordonNodesOf, type NodesObservation } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, runOperation, sizeOf } from '../operation.js';
import { nodesOfApi, requireNodes, speakersOf } from './nodes.js';

/** `kubexm node cordon NODE...` */
export async function run({ options, args, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const nodes = [...new Set(args)];
  const { exitCode } = await runOperation<NodesObservation>({
    cluster,
    options,
    io,
    name: `node cordon ${nodes.join(' ')}`,
    only: speakersOf(cluster),
    mayBeDown: () => true,
    read: nodesOfApi,
    plan(ctx, observed) {
      requireNodes(observed, nodes);
      return cordonNodesOf(nodes).plan(ctx);
    },
    summary: (graph) => `${nodes.join(', ')}: no new pods, those that are there stay; ${sizeOf(graph)}`,
  });
  return exitCode;
}
