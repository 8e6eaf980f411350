import { expect, test } from 'vitest';
import { observedEtcd } from '../../task/etcd/membership.fixture.js';
import { planContext, smallCluster } from '../../task/plan-context.fixture.js';
import { createCluster } from '../cluster/create.js';
import type { Pipeline } from '../define.js';
import { addEtcdMembers } from './add-member.js';
import { removeEtcdMember } from './remove-member.js';
import { replaceEtcdMember } from './replace-member.js';
import { compactEtcdTo, defragmentEtcd, recoverSpaceOfEtcd } from './space.js';
import { upgradeEtcd } from './upgrade.js';

const names = ['m1', 'm2', 'm3', 'm4'];
const cluster = smallCluster({
  hosts: names.map((name, index) => ({ name, address: `10.0.0.1${index + 1}` })),
  roleGroups: { etcd: names, 'control-plane': ['m1'], worker: ['m3'] },
  etcd: { version: 'v3.6.14' },
});
const ctx = planContext(cluster);
const marked = planContext(cluster, { facts: { m2: { leftovers: ['/var/lib/kubexm/etcd-restore/marker.json'] } } });
const observed = observedEtcd(ctx, [{ host: 'm1' }, { host: 'm2' }, { host: 'm3' }]);
const whole = observedEtcd(ctx, [{ host: 'm1' }, { host: 'm2' }, { host: 'm3' }, { host: 'm4' }]);
const basis = { observed, snapshot: true };

test.each<[string, Pipeline]>([
  ['cluster create', createCluster],
  ['etcd add-member', addEtcdMembers({ ...basis, hosts: ['m4'] })],
  ['etcd remove-member', removeEtcdMember({ ...basis, which: 'm3', wipeData: false })],
  ['etcd replace-member', replaceEtcdMember({ ...basis, old: 'm3', by: 'm4', wipeData: false })],
  ['etcd upgrade', upgradeEtcd({ observed: { etcd: whole, programs: new Map() }, to: 'v3.6.15' })],
  ['etcd defrag', defragmentEtcd({ observed: whole, all: true })],
  ['etcd compact', compactEtcdTo({ observed: whole, keep: 0 })],
  ['etcd recover-space', recoverSpaceOfEtcd({ observed: whole })],
])('%s does not work on an etcd that is half restored, and asks every host of it again', (_, pipeline) => {
  expect(() => pipeline.plan(marked)).toThrow('a restore of etcd is half done on m2');
  const { nodes } = pipeline.plan(ctx);
  const asked = nodes.flatMap(({ jobs }) => jobs.filter(({ step }) => step.kind === 'etcd.restore-guard'));
  expect([...new Set(asked.map(({ host }) => host))].toSorted()).toEqual(names);
});
