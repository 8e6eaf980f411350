import { KubexmError } from '../../errors/index.js';
import { type After, draft } from '../../plan/index.js';
import { deleteNode, type StepContext } from '../../step/index.js';
import { defineTask, type PlanContext, type Task } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { apiServing, nodeJoined } from '../milestones.js';
import { reportsToApi } from './delete.js';
import { type DrainOptions, emptied } from './drain.js';
import type { ApiNode, NodesObservation } from './nodes.js';

export interface PruneNodes {
  readonly observed: NodesObservation;
  readonly drain: DrainOptions;
}

/** Names of nodes that the config does not have (any more). */
export function strayNodes(ctx: PlanContext, observed: NodesObservation): readonly string[] {
  return strays(ctx, observed).map(({ metadata }) => metadata.name);
}

function strays({ cluster }: PlanContext, { objects }: NodesObservation): readonly ApiNode[] {
  const { roleGroups } = cluster.spec;
  const configured = new Set([...roleGroups['control-plane'], ...roleGroups.worker]);
  return (objects ?? []).filter(({ metadata }) => !configured.has(metadata.name));
}

/**
 * Nodes that the config has no more: drained, and taken out of the API. How to log in there is not known any more, so their
 * machines stay as they are. A control plane or a member of etcd needs more than that, and is refused.
 */
export function pruneNodes({ observed, drain }: PruneNodes): Task {
  return defineTask('prune-nodes', (ctx) => {
    const nodes = strays(ctx, observed);
    const controlPlanes = nodes.filter(
      ({ metadata }) => metadata.labels?.['node-role.kubernetes.io/control-plane'] !== undefined,
    );
    if (controlPlanes.length > 0) throw isControlPlane(controlPlanes.map(({ metadata }) => metadata.name));
    const speaker = initHost(ctx);
    const g = draft<StepContext>('prune-nodes');
    // Their pods need somewhere to go: nodes that are new come first.
    let before: After = [apiServing, nodeJoined];
    for (const node of nodes) {
      const { name } = node.metadata;
      const options = { speaker, operation: 'cluster create --prune', options: drain };
      if (reportsToApi(node)) before = g.include(emptied(name, options), { after: before });
      before = g.add(`delete-${name}`, [speaker], deleteNode({ node: name }), { after: before });
    }
    return g.done();
  });
}

function isControlPlane(names: readonly string[]): KubexmError {
  return new KubexmError('GUARD_REFUSED', `${names.join(', ')} is a control plane that the config has no more`, {
    details: ['its apiserver would go on, and so would a member of etcd there'],
    hint: `write ${names.join(', ')} into the config again, then: kubexm node delete ${names[0] ?? ''}`,
    retryable: false,
  });
}
