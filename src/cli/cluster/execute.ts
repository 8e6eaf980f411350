import { relative } from 'node:path';
import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { type ClusterGraph, createCluster } from '../../pipeline/index.js';
import type { Io } from '../io.js';
import { type OperationOptions, type OperationRun, runOperation, sizeOf } from '../operation.js';

/** `cluster create`, `cluster apply` and the lab's demo. */
export function runCluster({
  cluster,
  options,
  io,
  quiet = false,
  savedPlan,
}: {
  cluster: Cluster;
  options: OperationOptions;
  io: Io;
  /** The caller prints the result itself. */
  quiet?: boolean;
  /** Run this instead of planning anew. */
  savedPlan?: string;
}): Promise<OperationRun> {
  return runOperation({
    cluster,
    options,
    io,
    quiet,
    name: savedPlan === undefined ? 'cluster create' : `cluster apply ${savedPlan}`,
    plan: (ctx, _observed, runtime) =>
      savedPlan === undefined ? createCluster.plan(ctx) : runtime.savedPlan(savedPlan),
    summary: (graph) => describePlan(cluster, graph),
    next({ kubeconfigPath }) {
      const kubeconfig = relative(io.cwd, kubeconfigPath);
      return `Kubeconfig: ${kubeconfig}\nNext: kubectl --kubeconfig ${kubeconfig} get nodes`;
    },
  });
}

function describePlan({ metadata, spec }: Cluster, graph: ClusterGraph): string {
  const roles = Object.entries(spec.roleGroups)
    .filter(([, hosts]) => hosts.length > 0)
    .map(([role, hosts]) => `  ${role}: ${hosts.join(', ')}`);
  const what = `Kubernetes ${spec.kubernetes.version}, ${spec.kubernetes.containerRuntime.type}, ${spec.network.plugin === 'none' ? 'no network plugin' : spec.network.plugin}`;
  return [`Cluster ${metadata.name}: ${what}; ${sizeOf(graph)}`, ...roles].join('\n');
}
