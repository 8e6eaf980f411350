import { relative } from 'node:path';
import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';
import {
  type ClusterGraph,
  createAndPrune,
  createCluster,
  type NodesObservation,
  nodesOf,
  servingHosts,
  strayNodes,
} from '../../pipeline/index.js';
import type { Runtime } from '../../runtime/index.js';
import type { Io } from '../io.js';
import { type OperationOptions, type OperationRun, readCluster, runOperation, sizeOf } from '../operation.js';
import type { Question } from '../prompt.js';

/** `cluster create`, `cluster apply` and the lab's demo. */
export function runCluster({
  cluster,
  options,
  io,
  quiet = false,
  savedPlan,
  prune = false,
}: {
  cluster: Cluster;
  options: OperationOptions;
  io: Io;
  /** The caller prints the result itself. */
  quiet?: boolean;
  /** Run this instead of planning anew. */
  savedPlan?: string;
  /** Nodes that the config does not have go. */
  prune?: boolean;
}): Promise<OperationRun> {
  let strays: readonly string[] = [];
  return runOperation<NodesObservation | undefined>({
    cluster,
    options,
    io,
    quiet,
    name: savedPlan === undefined ? 'cluster create' : `cluster apply ${savedPlan}`,
    read: (runtime) => (savedPlan === undefined ? nodesThereAre(runtime) : Promise.resolve(undefined)),
    async plan(ctx, observed, runtime) {
      if (savedPlan !== undefined) return refuseUpgrade(await runtime.savedPlan(savedPlan), savedPlan);
      if (prune && observed?.objects === null) throw nodesUnknown(observed);
      strays = observed === undefined ? [] : strayNodes(ctx, observed);
      return prune && observed !== undefined && strays.length > 0
        ? createAndPrune({ observed, drain: pruneDrain }).plan(ctx)
        : createCluster.plan(ctx);
    },
    summary: (graph) => [describePlan(cluster, graph), ...strayLines(strays, prune)].join('\n'),
    question: () => (prune && strays.length > 0 ? pruneQuestion(strays) : undefined),
    next({ kubeconfigPath }) {
      const kubeconfig = relative(io.cwd, kubeconfigPath);
      return `Kubeconfig: ${kubeconfig}\nNext: kubectl --kubeconfig ${kubeconfig} get nodes`;
    },
  });
}

/** What stands in the way of an upgrade is looked for when it is planned: a saved plan would pass by it. */
function refuseUpgrade(graph: ClusterGraph, path: string): ClusterGraph {
  if (graph.name !== 'upgrade-cluster') return graph;
  throw new KubexmError(
    'GUARD_REFUSED',
    `${path} is the plan of an upgrade, which rests on what ran when it was made`,
    {
      hint: 'kubexm cluster upgrade --to VERSION, with the options that it was planned with: it makes the same plan',
      retryable: false,
    },
  );
}

function describePlan({ metadata, spec }: Cluster, graph: ClusterGraph): string {
  const roles = Object.entries(spec.roleGroups)
    .filter(([, hosts]) => hosts.length > 0)
    .map(([role, hosts]) => `  ${role}: ${hosts.join(', ')}`);
  const what = `Kubernetes ${spec.kubernetes.version}, ${spec.kubernetes.containerRuntime.type}, ${spec.network.plugin === 'none' ? 'no network plugin' : spec.network.plugin}`;
  return [`Cluster ${metadata.name}: ${what}; ${sizeOf(graph)}`, ...roles].join('\n');
}

/** Only what somebody would make anew may go, as with `node delete`. */
const pruneDrain = { timeoutSeconds: 600, evictUnmanaged: false, leaving: true };

/** Undefined: there is no control plane yet that could tell, or none that answers. */
export async function nodesThereAre(runtime: Runtime): Promise<NodesObservation | undefined> {
  if (servingHosts(runtime.planContext()).length === 0) return undefined;
  return await readCluster(runtime, nodesOf({ certificates: false }));
}

/** What is to be said of nodes that the config does not have. */
export function strayLines(strays: readonly string[], prune: boolean): readonly string[] {
  if (strays.length === 0) return [];
  return prune
    ? [`Not in the config, and removed from the cluster: ${strays.join(', ')}`]
    : [`Not in the config, and would be removed with \`cluster create --prune\`: ${strays.join(', ')}`];
}

function pruneQuestion(strays: readonly string[]): Question {
  const names = strays.join(', ');
  return {
    lines: [
      `${names}: drained and taken out of the API. How to log in there is not in the config any more, so the machines are not cleaned:`,
      'stop the kubelet there (systemctl disable --now kubelet), or its next start makes the machine a node again.',
      `To have them cleaned, write them into the config again, then: kubexm node delete ${strays.join(' ')}`,
    ],
    question: `Remove ${names} from the cluster?`,
  };
}

function nodesUnknown({ failures }: NodesObservation): KubexmError {
  return new KubexmError('GUARD_REFUSED', 'the API does not tell which nodes there are, so none can be removed', {
    details: failures.map(({ host, message }) => `${host}: ${message}`),
    hint: 'first without --prune: it mends the control planes',
    retryable: false,
  });
}
