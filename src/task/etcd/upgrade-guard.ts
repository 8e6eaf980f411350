import { draft } from '../../plan/index.js';
import { guardEtcdVersion, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole } from '../context.js';

/** Members that have data get no other version of etcd by the way: `kubexm etcd upgrade` does that, one by one. */
export const guardEtcdUpgrade = defineTask('guard-etcd-version', (ctx) => {
  const { etcd } = ctx.cluster.spec;
  const g = draft<StepContext>('guard-etcd-version');
  if (etcd.type === 'kubexm') {
    const data = `${etcd.dataDir}/member`;
    const hosts = hostsWithRole(ctx, 'etcd').filter((host) => ctx.facts.get(host)?.leftovers.includes(data));
    g.add('version', hosts, guardEtcdVersion({ version: etcd.version }));
  }
  return g.done();
});
