import { describe, expect, test } from 'vitest';
import { createCluster } from '../../pipeline/index.js';
import type { HostFacts } from '../../runner/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';

const names = ['m1', 'm2', 'm3', 'w1', 'w2'];
const base = {
  hosts: [...names, 'lb1', 'lb2'].map((name, index) => ({ name, address: `10.0.0.${index + 1}` })),
  roleGroups: { etcd: ['m1', 'm2', 'm3'], 'control-plane': ['m1', 'm2', 'm3'], worker: ['w1', 'w2'] },
};
const withBalancers = { ...base, roleGroups: { ...base.roleGroups, loadbalancer: ['lb1', 'lb2'] } };
const vip = '10.0.0.100';
const kubelet = '/etc/kubernetes/kubelet.conf';
const admin = '/etc/kubernetes/admin.conf';

type Facts = Readonly<Record<string, Partial<HostFacts>>>;

/** The facts of a cluster that is there, with more files on some hosts. */
function running(more: Readonly<Record<string, readonly string[]>> = {}): Facts {
  return Object.fromEntries(
    [...names, 'lb1', 'lb2'].map((name) => {
      const own = name.startsWith('m') ? [admin, kubelet] : name.startsWith('w') ? [kubelet] : [];
      return [name, { leftovers: [...own, ...(more[name] ?? [])] }];
    }),
  );
}

function planned(spec: Readonly<Record<string, unknown>>, endpoint: object, facts: Facts = {}) {
  const ctx = planContext(smallCluster({ ...spec, controlPlaneEndpoint: endpoint }), { facts });
  const { nodes } = createCluster.plan(ctx);
  const short = (id: string) => id.replace(/^create-cluster\//, '');
  const byId = new Map(nodes.map((node) => [short(node.id), node]));
  const reaches = (id: string, before: string, seen = new Set<string>()): boolean =>
    (byId.get(id)?.after ?? []).some(({ node }) => {
      const name = short(node);
      if (name === before) return true;
      if (seen.has(name)) return false;
      seen.add(name);
      return reaches(name, before, seen);
    });
  return {
    ids: [...byId.keys()].filter((id) => id.startsWith('endpoint/')).map((id) => id.replace('endpoint/', '')),
    hosts: (id: string) => byId.get(`endpoint/${id}`)?.jobs.map(({ host }) => host) ?? [],
    params: (id: string, host: string) =>
      JSON.stringify(byId.get(`endpoint/${id}`)?.jobs.find((job) => job.host === host)?.step.params ?? {}),
    reaches,
  };
}

describe('internal', () => {
  test('one control plane alone: nothing stands before it', () => {
    expect(planned({}, {}).ids).toEqual([]);
  });

  test('several: each worker has a haproxy once it has joined, and control planes have none', () => {
    const plan = planned(base, {});
    expect(plan.hosts('raise-endpoint/haproxy')).toEqual(['w1', 'w2']);
    expect(plan.reaches('endpoint/raise-endpoint/haproxy', 'worker/join-workers/kubeadm-join')).toBe(true);
    expect(plan.params('raise-endpoint/haproxy-config', 'w1')).toContain('"address":"10.0.0.3:6443"');
  });

  test('workers that are there are sent to their haproxy when it works, and kube-proxy after them', () => {
    const plan = planned(base, {}, running());
    expect(plan.hosts('follow-endpoint/hosts-file')).toEqual(names);
    expect(plan.reaches('endpoint/follow-endpoint/hosts-file', 'endpoint/raise-endpoint/haproxy')).toBe(true);
    expect(plan.reaches('endpoint/follow-endpoint/kube-proxy', 'endpoint/follow-endpoint/hosts-file')).toBe(true);
  });
});

describe('a virtual IP', () => {
  test.each([
    ['kube-vip', { type: 'kube-vip', address: vip }],
    ['keepalived', { type: 'keepalived', address: vip }],
  ])('%s: nobody joins, and no node is sent there, before the API answers at it', (_, endpoint) => {
    const fresh = planned(base, endpoint);
    expect(fresh.hosts('raise-endpoint/answers')).toEqual(['m1']);
    for (const join of ['control-plane/join-control-planes/kubeadm-join', 'worker/join-workers/kubeadm-join'])
      expect(fresh.reaches(join, 'endpoint/raise-endpoint/answers')).toBe(true);
    const there = planned(base, endpoint, running());
    expect(there.reaches('endpoint/follow-endpoint/hosts-file', 'endpoint/raise-endpoint/answers')).toBe(true);
    const certificate = 'control-plane/reconcile-control-plane/certificate-m3';
    expect(there.reaches('endpoint/raise-endpoint/answers', certificate)).toBe(true);
  });

  test('kube-vip: the others have it when they have joined', () => {
    const plan = planned(base, { type: 'kube-vip', address: vip });
    expect(plan.hosts('raise-endpoint/kube-vip')).toEqual(['m1']);
    expect(plan.hosts('raise-endpoint/kube-vip-of-the-others')).toEqual(['m2', 'm3']);
    expect(plan.params('raise-endpoint/kube-vip', 'm1')).toContain('"name":"vip_interface","value":"eth0"');
  });

  test('keepalived on control planes: their API servers answer themselves', () => {
    const plan = planned(base, { type: 'keepalived', address: vip });
    expect(plan.hosts('raise-endpoint/keepalived-config')).toEqual(['m1', 'm2', 'm3']);
    expect(plan.ids.filter((id) => id.includes('haproxy'))).toEqual([]);
    expect(plan.params('raise-endpoint/keepalived-check', 'm2')).toContain('https://127.0.0.1:6443/readyz');
    expect(plan.params('raise-endpoint/keepalived-config', 'm2')).toContain('"peers":["10.0.0.1","10.0.0.3"]');
  });

  test('keepalived on load balancers: haproxy beside it; with a port of its own it is there before the first control plane', () => {
    const endpoint = { type: 'keepalived', address: vip, port: 8443, keepalived: { virtualRouterId: 7 } };
    const plan = planned(withBalancers, endpoint);
    expect(plan.hosts('raise-endpoint/keepalived-config')).toEqual(['lb1', 'lb2']);
    expect(plan.params('raise-endpoint/haproxy-config', 'lb1')).toContain('"bind":"*:8443"');
    const first = 'control-plane/init-control-plane/kubeadm-init';
    expect(plan.reaches(first, 'endpoint/raise-endpoint/keepalived-lb2')).toBe(true);
  });

  test('no secret is in the plan', () => {
    const plan = planned(base, { type: 'keepalived', address: vip });
    expect(plan.params('raise-endpoint/keepalived-auth', 'm1')).toContain('"$secret":"file:');
  });

  test('of no network of a host that keeps it is refused', () => {
    expect(() => planned(base, { type: 'kube-vip', address: '192.168.7.7' })).toThrow(
      /m1: none of its networks has the address 192\.168\.7\.7/,
    );
  });
});

describe('another kind than before', () => {
  const haproxy = '/etc/kubernetes/manifests/haproxy.yaml';
  const kubeVip = '/etc/kubernetes/manifests/kube-vip.yaml';
  const keepalived = '/etc/systemd/system/kubexm-keepalived.service';

  test.each([
    ['haproxy on workers', { w1: [haproxy], w2: [haproxy] }, 'follow-endpoint/retire-haproxy', ['w1', 'w2']],
    ['kube-vip', { m1: [kubeVip], m3: [kubeVip] }, 'follow-endpoint/retire-kube-vip', ['m1', 'm3']],
    ['keepalived', { lb1: [keepalived] }, 'follow-endpoint/stop-kubexm-keepalived', ['lb1']],
  ])('%s goes when no node asks it any more', (_, more, id, hosts) => {
    const plan = planned(withBalancers, { type: 'external', address: '10.0.0.99' }, running(more));
    expect(plan.hosts(id)).toEqual(hosts);
    expect(plan.reaches(`endpoint/${id}`, 'endpoint/follow-endpoint/kube-proxy')).toBe(true);
  });

  test('what the kind of the config uses stays', () => {
    const plan = planned(base, {}, running({ w1: [haproxy], w2: [haproxy] }));
    expect(plan.ids.filter((id) => id.includes('retire') || id.includes('stop'))).toEqual([]);
  });
});
