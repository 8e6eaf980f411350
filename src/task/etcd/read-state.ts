import { draft } from '../../plan/index.js';
import { readEtcdState, type StepContext } from '../../step/index.js';
import { defineTask } from '../context.js';
import { etcdMembers } from './endpoints.js';
import { etcdStateReport } from './observation.js';

/** Asks every member on its own host, and through the first one those whose hosts do not answer. */
export const readEtcd = defineTask('read-etcd', (ctx) => {
  const members = ctx.cluster.spec.etcd.type === 'kubexm' ? etcdMembers(ctx) : [];
  const reachable = members.filter(({ name }) => ctx.facts.has(name));
  const others = members.filter(({ name }) => !ctx.facts.has(name)).map(({ clientUrl }) => clientUrl);
  const own = new Map(members.map(({ name, clientUrl }) => [name, clientUrl]));
  const g = draft<StepContext>('read-etcd');
  g.addEach(
    'state',
    reachable.map(({ name }) => name),
    (host) =>
      readEtcdState({
        report: etcdStateReport,
        own: own.get(host) ?? '',
        others: host === reachable[0]?.name ? others : [],
      }),
  );
  return g.done();
});
