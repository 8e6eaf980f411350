import { draft } from '../../plan/index.js';
import { reconcileNodes, type StepContext } from '../../step/index.js';
import { defineTask, hostNamed, nodeHosts } from '../context.js';
import { apiServing, nodeJoined } from '../milestones.js';
import { initHost } from './init-host.js';

const controlPlaneTaint = 'node-role.kubernetes.io/control-plane';

/** Role labels, and the labels, annotations and taints of the cluster file. */
export const labelNodes = defineTask('label-nodes', (ctx) => {
  const { roleGroups } = ctx.cluster.spec;
  const nodes = nodeHosts(ctx).map((name) => {
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
  const g = draft<StepContext>('label-nodes');
  g.add('label', [initHost(ctx)], reconcileNodes({ nodes }), { after: [apiServing, nodeJoined] });
  return g.done();
});
