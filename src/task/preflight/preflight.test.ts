import { describe, expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { checkHosts } from './check-hosts.js';
import { prepareOs } from './prepare-os.js';
import { requirementsOf } from './requirements.js';

describe('what a host must be able to do', () => {
  test('follows from its roles', () => {
    const ctx = planContext(smallCluster());
    const [m1, w1] = [requirementsOf(ctx, 'm1'), requirementsOf(ctx, 'w1')];
    expect(m1.ports.map(({ port }) => port)).toEqual([6443, 10257, 10259, 10250, 2379, 2380]);
    expect(w1.ports.map(({ port }) => port)).toEqual([10250]);
    expect([m1.cpus, w1.cpus, m1.etcd, w1.etcd]).toEqual([2, 1, true, false]);
    expect(w1.disk.map(({ path }) => path)).not.toContain('/var/lib/etcd');
  });

  test('cloned machines are found, and what a host does not know is no clone', () => {
    const ctx = planContext(smallCluster(), {
      facts: { m1: { machineId: 'same', productUuid: '' }, w1: { machineId: 'same', productUuid: '' } },
    });
    expect(requirementsOf(ctx, 'm1')).toMatchObject({ sameMachineId: ['w1'], sameProductUuid: [], sameHostname: [] });
  });

  test('clocks are compared with the median of all', () => {
    const ctx = planContext(smallCluster(), { facts: { m1: { clockSkewMs: 60_000 }, w1: { clockSkewMs: 61_000 } } });
    expect(requirementsOf(ctx, 'm1').medianClockSkewSeconds).toBe(61);
  });

  test.each([
    ['v1.34.4', {}, 'fine'],
    ['v1.35.1', {}, 'refused'],
    ['v1.35.1', { failCgroupV1: false }, 'fine'],
  ])('kubelet %s %j: cgroup v1 is %s', (version, extraConfig, cgroupV1) => {
    const ctx = planContext(smallCluster({ kubernetes: { version, kubelet: { extraConfig } } }));
    expect(requirementsOf(ctx, 'w1').cgroupV1).toBe(cgroupV1);
  });
});

test('hosts must reach the ports that their roles use, and not themselves', () => {
  const { nodes } = checkHosts.plan(planContext(smallCluster()));
  const jobs = nodes.get('check-hosts/reach')?.jobs ?? [];
  expect(jobs.map(({ host, step }) => [host, step.params])).toEqual([
    ['m1', { targets: [{ host: 'w1', address: '10.0.0.21', port: 10250 }] }],
    ['w1', { targets: [{ host: 'm1', address: '10.0.0.11', port: 6443 }] }],
  ]);
});

function entriesOf(spec: Readonly<Record<string, unknown>>, host: string) {
  const { jobs = [] } = prepareOs.plan(planContext(smallCluster(spec))).nodes.get('prepare-os/hosts-file') ?? {};
  const params = jobs.find((job) => job.host === host)?.step.params as {
    entries: { address: string; names: string[] }[];
  };
  return params.entries.map(({ address, names }) => `${address} ${names.join(' ')}`);
}

describe('/etc/hosts', () => {
  const ha = {
    hosts: ['m1', 'm2', 'w1'].map((name, index) => ({ name, address: `10.0.0.${index + 1}` })),
    roleGroups: { etcd: ['m1'], 'control-plane': ['m1', 'm2'], worker: ['w1'] },
  };
  const hosts = ['10.0.0.1 m1', '10.0.0.2 m2'];

  test("has the control planes, the host itself, and the API's name at its haproxy and at each control plane, one's own first", () => {
    expect(entriesOf(ha, 'w1')).toEqual([
      ...hosts,
      '10.0.0.3 w1',
      '127.0.0.1 lb.kubexm.local',
      '10.0.0.1 lb.kubexm.local',
      '10.0.0.2 lb.kubexm.local',
    ]);
    expect(entriesOf(ha, 'm2')).toEqual([...hosts, '10.0.0.2 lb.kubexm.local', '10.0.0.1 lb.kubexm.local']);
  });

  test('has no haproxy with one control plane alone', () => {
    expect(entriesOf({}, 'w1')).toEqual(['10.0.0.11 m1', '10.0.0.21 w1', '10.0.0.11 lb.kubexm.local']);
  });

  test.each(['keepalived', 'kube-vip'])(
    "has the API's name at the virtual IP of %s; a control plane asks itself first",
    (type) => {
      const controlPlaneEndpoint = { type, address: '10.0.0.100' };
      expect(entriesOf({ ...ha, controlPlaneEndpoint }, 'w1').slice(-1)).toEqual(['10.0.0.100 lb.kubexm.local']);
      expect(entriesOf({ ...ha, controlPlaneEndpoint }, 'm2').slice(-2)).toEqual([
        '10.0.0.2 lb.kubexm.local',
        '10.0.0.100 lb.kubexm.local',
      ]);
    },
  );

  test('of a node that is there already waits until what it names is there', () => {
    const facts = { w1: { leftovers: ['/etc/kubernetes/kubelet.conf'] } };
    const { jobs = [] } =
      prepareOs.plan(planContext(smallCluster(), { facts })).nodes.get('prepare-os/hosts-file') ?? {};
    expect(jobs.map(({ host }) => host)).toEqual(['m1']);
  });

  test("has the API's name at the load balancer where there is one", () => {
    const controlPlaneEndpoint = { domain: 'api.example', address: '10.0.0.100', port: 6443 };
    expect(entriesOf({ ...ha, controlPlaneEndpoint }, 'm2')).toEqual([...hosts, '10.0.0.100 api.example']);
  });
});

describe('the operating system', () => {
  const nodeOf = (spec: Readonly<Record<string, unknown>>, name: string) =>
    prepareOs.plan(planContext(smallCluster(spec))).nodes.get(`prepare-os/${name}`);

  test("the user's kernel parameters win", () => {
    const params = nodeOf({ system: { sysctl: { 'vm.max_map_count': 500_000 } } }, 'sysctl')?.jobs[0]?.step.params;
    expect(params).toMatchObject({ values: { 'net.ipv4.ip_forward': 1, 'vm.max_map_count': '500000' } });
  });

  test('ipvs has modules of its own', () => {
    expect(nodeOf({ kubernetes: { kubeProxy: { mode: 'ipvs' } } }, 'modules')?.jobs[0]?.step.params).toMatchObject({
      modules: expect.arrayContaining(['br_netfilter', 'ip_vs', 'nf_conntrack']),
    });
  });

  test("the user's commands come before everything else and run once for each content", () => {
    const system = { preInstall: ['echo one'], timezone: 'Europe/Berlin' };
    const script = nodeOf({ system }, 'pre-install-1')?.jobs[0]?.step.params;
    expect(script).toMatchObject({
      check: expect.stringMatching(/^test -e \/var\/lib\/kubexm\/scripts\/[0-9a-f]{16}$/),
    });
    for (const name of ['modules', 'swap', 'timezone'])
      expect(nodeOf({ system }, name)?.after.map(({ node }) => node)).toContain('prepare-os/pre-install-1');
  });
});
