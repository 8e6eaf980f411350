import { type DrainOptions, drainNodesOf, type NodesObservation } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, runOperation, sizeOf } from '../operation.js';
import { nodesOfApi, requireNodes, secondsOf, speakersOf } from './nodes.js';

/** As commander gives them. */
export interface DrainFlags extends OperationOptions {
  /** Seconds. */
  readonly timeout: string;
  readonly gracePeriod?: string;
  readonly force?: boolean;
}

interface DrainCommand extends DrainFlags {
  readonly podSelector?: string;
  readonly deleteEmptydirData?: boolean;
}

/** `kubexm node drain NODE...` */
export async function run({ options, args, io }: Invocation<DrainCommand>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const nodes = [...new Set(args)];
  const drain: DrainOptions = {
    ...drainOptions(options),
    keepLocalData: options.deleteEmptydirData !== true,
    ...(options.podSelector === undefined ? {} : { podSelector: options.podSelector }),
  };
  const { exitCode } = await runOperation<NodesObservation>({
    cluster,
    options,
    io,
    name: `node drain ${nodes.join(' ')}`,
    only: speakersOf(cluster),
    mayBeDown: () => true,
    read: nodesOfApi,
    plan(ctx, observed) {
      requireNodes(observed, nodes);
      return drainNodesOf({ nodes, ...drain }).plan(ctx);
    },
    summary: (graph) => `${nodes.join(', ')}: cordoned, and pods move away as their budgets allow; ${sizeOf(graph)}`,
    next: () => `Next: kubexm node uncordon ${nodes.join(' ')}, when pods may come back`,
  });
  return exitCode;
}

export function drainOptions({ timeout, gracePeriod, force }: DrainFlags): DrainOptions {
  return {
    timeoutSeconds: secondsOf('--timeout', timeout, 1),
    evictUnmanaged: force === true,
    ...(gracePeriod === undefined ? {} : { graceSeconds: secondsOf('--grace-period', gracePeriod, 0) }),
  };
}
