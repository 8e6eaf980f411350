import type { NodesObservation, Pipeline } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, runOperation, sizeOf } from '../operation.js';
import { nodesOfApi, requireNodes, speakersOf } from './nodes.js';

/** What `node cordon` and `node uncordon` differ in. `effect`: what it means for pods, for the summary. */
interface SchedulingChange {
  readonly name: 'cordon' | 'uncordon';
  readonly effect: string;
  pipelineFor(nodes: readonly string[]): Pipeline;
}

/** Whether new pods may come to nodes: asks and tells the API alone, so that nodes may be down. */
export async function changeScheduling(
  { options, args, io }: Invocation<OperationOptions>,
  { name, effect, pipelineFor }: SchedulingChange,
): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const nodes = [...new Set(args)];
  const { exitCode } = await runOperation<NodesObservation>({
    cluster,
    options,
    io,
    name: `node ${name} ${nodes.join(' ')}`,
    only: speakersOf(cluster),
    mayBeDown: () => true,
    read: nodesOfApi,
    plan(ctx, observed) {
      requireNodes(observed, nodes);
      return pipelineFor(nodes).plan(ctx);
    },
    summary: (graph) => `${nodes.join(', ')}: ${effect}; ${sizeOf(graph)}`,
  });
  return exitCode;
}
