import type { HostName } from '../../plan/index.js';
import { budgetsOf, isKept, podsToEvict } from '../../step/index.js';
import { nodeHosts, type PlanContext } from '../context.js';
import { kubeletIs, type UpgradeObservation } from './observation.js';

type Objects = Pick<UpgradeObservation, 'objects'>;

/** Nodes that are drained: those whose kubelet is not of the first version yet; of further versions, all. */
export function drained(ctx: PlanContext, { hosts }: UpgradeObservation, path: readonly string[]): readonly HostName[] {
  const nodes = nodeHosts(ctx);
  // A cluster of one node has nowhere to move its pods, and a kubelet that restarts leaves them alone.
  if (nodes.length < 2) return [];
  return path.length > 1 ? nodes : nodes.filter((host) => !kubeletIs(hosts.get(host), path[0] ?? ''));
}

/** What a drain of these nodes would stop at, in the middle. */
export function drainRefusals(observed: Objects, nodes: readonly HostName[]): string[] {
  return [...blockingBudgets(observed, nodes), ...rivalBudgets(observed, nodes), ...unmanagedPods(observed, nodes)];
}

/** Budgets that allow no disruption and cover pods on nodes that are drained. */
function blockingBudgets({ objects }: Objects, nodes: readonly HostName[]): string[] {
  const closed = objects.budgets.filter(({ status }) => status?.disruptionsAllowed === 0);
  const byBudget = new Map<string, string[]>();
  for (const { pod, name, node } of movingPods({ objects }, nodes)) {
    const keeping = closed.filter((budget) => isKept(pod, budget));
    for (const budget of budgetsOf(pod, keeping))
      byBudget.set(budget, [...(byBudget.get(budget) ?? []), `${name} on ${node}`]);
  }
  return [...byBudget].map(([budget, kept]) => `the budget ${budget} lets none of its pods go: ${kept.join(', ')}`);
}

/** Pods that more than one budget covers are never evicted. https://kubernetes.io/docs/tasks/run-application/configure-pdb/ */
function rivalBudgets({ objects }: Objects, nodes: readonly HostName[]): string[] {
  const byBudgets = new Map<string, string[]>();
  for (const { pod, name, node } of movingPods({ objects }, nodes)) {
    const budgets = objects.budgets.filter((budget) => budgetsOf(pod, [budget]).length > 0);
    if (budgets.length < 2) continue;
    const names = budgets.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(' and ');
    byBudgets.set(names, [...(byBudgets.get(names) ?? []), `${name} on ${node}`]);
  }
  return [...byBudgets].map(([names, pods]) => `${names} both cover ${pods.join(', ')}: such pods are never evicted`);
}

function unmanagedPods({ objects }: Objects, nodes: readonly HostName[]): string[] {
  return podsToEvict(objects.pods).unmanaged.flatMap(({ metadata: { namespace, name } }) => {
    const node = objects.podNodes[`${namespace}/${name}`] ?? '';
    return nodes.includes(node)
      ? [`the pod ${namespace}/${name} on ${node} has no controller: nobody would make it anew`]
      : [];
  });
}

/**
 * Budgets that hold while pods come back elsewhere, where there is no elsewhere: all nodes that take pods are away at once.
 * `atOnce`: so many workers are.
 */
export function nowhereToGo({ objects }: Objects, nodes: readonly HostName[], atOnce: number): string[] {
  const takers = objects.nodes.filter(({ takesPods }) => takesPods).map(({ name }) => name);
  const leaving = nodes.filter((node) => takers.includes(node));
  if (leaving.length === 0 || takers.length > Math.min(atOnce, leaving.length)) return [];
  const pods = movingPods({ objects }, leaving);
  return objects.budgets.flatMap((budget) => {
    const allowed = budget.status?.disruptionsAllowed ?? 0;
    const covered = pods.filter(({ pod }) => isKept(pod, budget) && budgetsOf(pod, [budget]).length > 0);
    const { namespace, name } = budget.metadata;
    return allowed > 0 && covered.length > allowed
      ? [
          `the budget ${namespace}/${name} lets ${allowed} of ${covered.length} pods go at a time, and while ${leaving.join(', ')} ${leaving.length === 1 ? 'is' : 'are'} drained no node takes them: the drain may wait for its whole time and stop`,
        ]
      : [];
  });
}

function movingPods({ objects }: Objects, nodes: readonly HostName[]) {
  return podsToEvict(objects.pods).evict.flatMap((pod) => {
    const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
    const node = objects.podNodes[name] ?? '';
    return nodes.includes(node) ? [{ pod, name, node }] : [];
  });
}
