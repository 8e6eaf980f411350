import { draft } from '../../plan/index.js';
import { guardEtcdServers, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole } from '../context.js';
import { existingControlPlanes } from '../kubernetes/reconcile-control-plane.js';
import { etcdMembers } from './endpoints.js';

/** A cluster that is there gets no second, empty etcd because the config names other hosts for it. */
export const guardEtcdFounding = defineTask('guard-etcd-founding', (ctx) => {
  const { etcd } = ctx.cluster.spec;
  const g = draft<StepContext>('guard-etcd-founding');
  if (etcd.type === 'external') return g.done();
  const hasData = hostsWithRole(ctx, 'etcd').some((host) =>
    ctx.facts.get(host)?.leftovers.includes(`${etcd.dataDir}/member`),
  );
  const founding = etcdMembers(ctx).map(({ clientUrl }) => clientUrl);
  if (!hasData) g.add('servers', existingControlPlanes(ctx), guardEtcdServers({ founding }));
  return g.done();
});
