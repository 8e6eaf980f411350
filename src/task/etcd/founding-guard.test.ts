import { expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { guardEtcdFounding } from './founding-guard.js';

const made = '/etc/kubernetes/admin.conf';

test.each<[string, readonly string[], number]>([
  ['a fresh cluster is not asked', [], 0],
  ['a cluster whose etcd hosts have no data is asked', [made], 1],
  ['a cluster with data is not asked', [made, '/var/lib/etcd/member'], 0],
])('%s', (_, leftovers, nodes) => {
  const ctx = planContext(smallCluster(), { facts: { m1: { leftovers } } });
  const jobs = [...guardEtcdFounding.plan(ctx).nodes.values()].flatMap((node) => node.jobs);
  expect(jobs).toHaveLength(nodes);
});
