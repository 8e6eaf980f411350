import { draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import { reconcileKubelet, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole, nodeHosts } from '../context.js';
import { apiServing, nodeJoined, nodesConfigured } from '../milestones.js';
import { servingHosts } from './init-host.js';
import { kubeletDocuments } from './kubeadm-config.js';

/**
 * The kubelets of workers and of control planes that are new; those of the others have been the first to change. One worker
 * shows that workers too can run with the configuration; then come up to ten at a time, since a restarted kubelet leaves its
 * pods alone, and one by one would take hours on a thousand nodes.
 */
export const reconcileKubelets = defineTask('reconcile-kubelets', (ctx) => {
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const existing = servingHosts(ctx);
  const [firstWorker, ...workers] = nodeHosts(ctx).filter((host) => !controlPlanes.includes(host));
  const g = draft<StepContext>('reconcile-kubelets');
  let before: Ref | undefined;
  const add = (name: string, hosts: readonly HostName[], role: 'control-plane' | 'worker') =>
    g.addEach(
      name,
      hosts,
      (host) => reconcileKubelet({ nodeName: host, role, documents: kubeletDocuments(ctx, host) }),
      { after: [apiServing, sameHost(nodeJoined, { where: 'present' }), before ?? []] },
    );
  for (const host of controlPlanes.filter((name) => !existing.includes(name)))
    before = add(host, [host], 'control-plane');
  if (firstWorker !== undefined) before = add(firstWorker, [firstWorker], 'worker');
  if (workers.length > 0) before = add('other-workers', workers, 'worker');
  if (before) g.provide(nodesConfigured, before);
  return g.done();
});
