import { expect, test } from 'vitest';
import { seal } from '../../plan/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { etcdCaKeyHosts, renewalTimer } from './renewal-timer.js';

const spec = {
  hosts: ['m1', 'e1', 'w1'].map((name, index) => ({ name, address: `10.0.0.${index + 11}` })),
  roleGroups: { etcd: ['e1'], 'control-plane': ['m1'], worker: ['w1'] },
};
const hosts = ['m1', 'e1'];

function context(autoRenew: object) {
  return planContext(smallCluster({ ...spec, certs: { autoRenew } }), { facts: { m1: {}, e1: {}, w1: {} } });
}

function nodes(autoRenew: object) {
  const ctx = context(autoRenew);
  return seal('test', renewalTimer(ctx, { hosts, after: [] }), { hosts: ['m1', 'e1', 'w1', 'control-node'] }).nodes;
}

test('the timer comes to control planes and members; a member that is no node gets what signs', () => {
  const planned = nodes({ enabled: true, withinDays: 20, schedule: 'daily' });
  const on = (id: string) => planned.find((node) => node.id.endsWith(id))?.jobs.map(({ host }) => host);
  expect(on('/start')).toEqual(hosts);
  expect(on('/upload-kubeadm')).toEqual(['e1']);
  expect(JSON.stringify(planned.find(({ id }) => id.endsWith('/write-renew-service')))).toContain('"withinDays":20');
});

test('turned off, it goes, and with it the key of etcd from who is no member', () => {
  expect(nodes({ enabled: false }).map(({ id }) => id)).toEqual(['renewal-timer/remove']);
  const files = nodes({ enabled: false })[0]?.jobs.map(({ host, step }) => [host, JSON.stringify(step.params)]);
  for (const [host, params] of files ?? []) expect(params?.includes('ca-key.pem')).toBe(host === 'm1');
});

test('who signs for etcd: its members, and control planes that renew by themselves', () => {
  expect(etcdCaKeyHosts(context({ enabled: false }))).toEqual(['e1']);
  expect(etcdCaKeyHosts(context({ enabled: true }))).toEqual(['e1', 'm1']);
});
