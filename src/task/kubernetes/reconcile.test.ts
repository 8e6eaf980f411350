import { describe, expect, test } from 'vitest';
import { createCluster } from '../../pipeline/index.js';
import { clusterOf, exampleClusters, planContext } from '../plan-context.fixture.js';
import { initDocuments } from './kubeadm-config.js';
import { reconcileApiserverEtcd } from './reconcile-control-plane.js';

const text = exampleClusters().get('ha-stacked-etcd') ?? '';
const made = { leftovers: ['/etc/kubernetes/admin.conf'] };
const liveOn = (...hosts: string[]) =>
  planContext(clusterOf(text), { facts: Object.fromEntries(hosts.map((host) => [host, made])) });

function order(ctx: ReturnType<typeof planContext>) {
  const { nodes } = createCluster.plan(ctx);
  const short = (id: string) => id.replace(/^create-cluster\//, '');
  return new Map(nodes.map((node) => [short(node.id), node.after.map((edge) => short(edge.node))]));
}

describe('a running control plane', () => {
  test('is changed host by host in the order of the config, before anybody joins', () => {
    const plan = order(liveOn('m1', 'm2', 'm3'));
    const task = 'control-plane/reconcile-control-plane';
    expect(plan.get(`${task}/static-pods-m2`)).toContain(`${task}/static-pods-m1`);
    expect(plan.get(`${task}/static-pods-m3`)).toContain(`${task}/static-pods-m2`);
    expect(plan.get(`${task}/kubelet-m1`)).toContain(`${task}/static-pods-m3`);
    expect(plan.get(`${task}/upload-config`)).toContain(`${task}/kubelet-m3`);
    expect(plan.get('control-plane/join-control-planes/kubeadm-join')).toContain(`${task}/upload-config`);
    expect(plan.get('worker/join-workers/kubeadm-join')).toContain(`${task}/upload-config`);
  });

  test('nothing else asks an API that is being restarted', () => {
    const plan = order(liveOn('m1', 'm2', 'm3'));
    const restarts = /\/reconcile-control-plane\/|\/init-control-plane\//;
    const asks = [...plan.keys()].filter((id) => /label-nodes|apply-flannel|network\/.*apply|apply-addons/.test(id));
    expect(asks.length).toBeGreaterThan(1);
    const behind = (id: string): boolean =>
      (plan.get(id) ?? []).some(
        (before) => before.endsWith('/upload-config') || (!restarts.test(before) && behind(before)),
      );
    for (const id of asks) expect([id, behind(id)]).toEqual([id, true]);
  });

  test('what is still to join is not changed', () => {
    const names = [...order(liveOn('m1')).keys()].filter((id) => id.includes('static-pods'));
    expect(names).toEqual(['control-plane/reconcile-control-plane/static-pods-m1']);
    expect([...order(planContext(clusterOf(text))).keys()].filter((id) => id.includes('static-pods'))).toEqual([]);
  });

  test('the other kubelets come control plane by control plane, then one worker, then the others', () => {
    const plan = order(liveOn('m1'));
    const task = 'addons/reconcile-kubelets';
    expect(plan.has(`${task}/m1`)).toBe(false);
    expect(plan.get(`${task}/m3`)).toContain(`${task}/m2`);
    expect(plan.get(`${task}/w1`)).toContain(`${task}/m3`);
    expect(plan.get(`${task}/other-workers`)).toContain(`${task}/w1`);
    expect(plan.get('addons/verify/cluster-ready')).toContain(`${task}/other-workers`);
  });
});

test('etcd members other than those of the config reach every apiserver and what joins read', () => {
  const ctx = liveOn('m1', 'm2', 'm3');
  const endpoints = ['https://10.9.9.1:2379'];
  const nodes = [...reconcileApiserverEtcd(ctx, endpoints).nodes.values()];
  expect(nodes.map(({ id }) => id.replace('reconcile-apiserver-etcd/', ''))).toEqual([
    'static-pods-m1',
    'static-pods-m2',
    'static-pods-m3',
    'upload-config',
  ]);
  for (const { jobs } of nodes)
    expect(JSON.stringify(jobs[0]?.step.params)).toContain('"endpoints":["https://10.9.9.1:2379"]');
  expect(JSON.stringify(initDocuments(ctx, 'm1'))).not.toContain('10.9.9.1');
});
