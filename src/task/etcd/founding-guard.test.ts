import { expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { guardEtcdFounding } from './founding-guard.js';

const made = '/etc/kubernetes/admin.conf';
const data = '/var/lib/etcd/member';
const hosts = ['m1', 'm2', 'w1'].map((name, index) => ({ name, address: `10.0.0.${index + 1}` }));
const cluster = (etcd: readonly string[]) =>
  smallCluster({ hosts, roleGroups: { etcd, 'control-plane': ['m1'], worker: ['w1'] } });

test.each<[string, readonly string[], Readonly<Record<string, readonly string[]>>, readonly string[]]>([
  ['a fresh cluster is not asked', ['m1', 'm2'], {}, []],
  [
    'a cluster whose etcd hosts have no data: which etcd it uses',
    ['m1'],
    { m1: [made] },
    ['m1 kube.guard-etcd-servers'],
  ],
  [
    'a cluster with data: also whose they are',
    ['m1', 'm2'],
    { m1: [made], m2: [data] },
    ['m1 kube.guard-etcd-servers', 'm2 etcd.founder-guard'],
  ],
  ['a member alone has nobody to compare with', ['m1'], { m1: [data] }, []],
  [
    'of several with data the first, which all others join',
    ['m1', 'm2'],
    { m1: [data], m2: [data] },
    ['m1 etcd.founder-guard'],
  ],
])('%s', (_, etcd, leftovers, expected) => {
  const facts = Object.fromEntries(Object.entries(leftovers).map(([host, paths]) => [host, { leftovers: paths }]));
  const ctx = planContext(cluster(etcd), { facts });
  const jobs = [...guardEtcdFounding.plan(ctx).nodes.values()].flatMap((node) => node.jobs);
  expect(jobs.map(({ host, step }) => `${host} ${step.kind}`)).toEqual(expected);
});
