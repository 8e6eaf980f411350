import { draft } from '../../plan/index.js';
import { type NodeMetadata, reconcileNodes, type StepContext } from '../../step/index.js';
import { defineTask, hostNamed, nodeHosts, type PlanContext } from '../context.js';
import { apiServing, nodeJoined } from '../milestones.js';
import { initHost } from './init-host.js';

const controlPlaneTaint = 'node-role.kubernetes.io/control-plane';

/** Role labels, and the labels, annotations and taints of the cluster file. */
export const labelNodes = defineTask('label-nodes', (ctx) => {
  const g = draft<StepContext>('label-nodes');
  g.add('label', [initHost(ctx)], reconcileNodes({ nodes: wantedNodes(ctx) }), { after: [apiServing, nodeJoined] });
  return g.done();
});

/** What every node is to carry. */
export function wantedNodes(ctx: PlanContext): readonly NodeMetadata[] {
  const { roleGroups } = ctx.cluster.spec;
  return nodeHosts(ctx).map((name) => {
    const { labels, annotations, taints } = hostNamed(ctx, name);
    const worker = roleGroups.worker.includes(name);
    return {
      name,
      labels: { ...(worker ? { 'node-role.kubernetes.io/worker': '' } : {}), ...labels },
      annotations,
      taints,
      absentTaints: worker ? [controlPlaneTaint] : [],
    };
  });
}
