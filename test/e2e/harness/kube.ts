import assert from 'node:assert/strict';
import type { ScenarioTools } from './tools.js';

export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly nodeName?: string; readonly taints?: readonly { readonly key: string }[] };
  readonly status: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

export interface KubeList {
  readonly items: readonly KubeObject[];
}

export function isReady({ status }: KubeObject): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

/**
 * Fails unless exactly these nodes are there, all Ready, and all pods of all namespaces run and are ready. `withinMs`: it may
 * take so long, where something was restarted that the API shows with a delay.
 */
export async function assertClusterHealthy(
  t: ScenarioTools,
  { withinMs, ...wanted }: { nodes: readonly string[]; on?: string; withinMs?: number },
): Promise<void> {
  if (withinMs === undefined) return assertHealthyNow(t, wanted);
  const healthy = () => assertHealthyNow(t, wanted).then(() => true);
  await t.eventually('all nodes and pods are well', healthy, { timeoutMs: withinMs });
}

async function assertHealthyNow(
  t: ScenarioTools,
  { nodes, on }: { nodes: readonly string[]; on?: string },
): Promise<void> {
  const where = on === undefined ? {} : { on };
  const list = async (args: string) => (JSON.parse(await t.kubectl(`get ${args} -o json`, where)) as KubeList).items;
  const found = await list('nodes');
  assert.deepEqual(found.map(({ metadata }) => metadata.name).sort(), [...nodes].sort(), 'nodes of the cluster');
  assert.deepEqual(
    found.filter((node) => !isReady(node)).map(({ metadata }) => metadata.name),
    [],
    'nodes that are not Ready',
  );
  const pods = await list('pods --all-namespaces');
  const bad = pods.filter((pod) => pod.status.phase !== 'Running' || !isReady(pod));
  assert.deepEqual(
    bad.map(({ metadata, status }) => `${metadata.name} ${status.phase ?? ''}`),
    [],
    'pods that are not Running and ready',
  );
  // kube-proxy and flannel on each node, CoreDNS, and the static pods of a control plane.
  assert.ok(pods.length >= nodes.length * 2 + 4, `only ${pods.length} pods`);
}
