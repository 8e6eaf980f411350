import { draft } from '../../plan/index.js';
import { guardEtcdFounder, guardEtcdServers, type StepContext } from '../../step/index.js';
import { defineTask } from '../context.js';
import { servingHosts } from '../kubernetes/init-host.js';
import { etcdDirs } from './config.js';
import { etcdMembers } from './endpoints.js';

/**
 * A cluster that is there gets no second etcd because the config names other hosts for it: neither an empty one, nor one that
 * begins with the data of a member that was removed.
 */
export const guardEtcdFounding = defineTask('guard-etcd-founding', (ctx) => {
  const { etcd } = ctx.cluster.spec;
  const g = draft<StepContext>('guard-etcd-founding');
  if (etcd.type === 'external') return g.done();
  const members = etcdMembers(ctx);
  const founding = members.map(({ clientUrl }) => clientUrl);
  g.add('servers', servingHosts(ctx), guardEtcdServers({ founding }));
  const first = members.find(({ name }) => ctx.facts.get(name)?.leftovers.includes(`${etcd.dataDir}/member`));
  const others = members.filter((member) => member !== first).map(({ clientUrl }) => clientUrl);
  if (first && others.length > 0)
    g.add('founder', [first.name], guardEtcdFounder({ name: first.name, others, ...etcdDirs(etcd) }));
  return g.done();
});
