import { describe, expect, test } from 'vitest';
import { addNodesToCluster, createCluster } from '../../pipeline/index.js';
import { CONTROL_NODE } from '../../plan/index.js';
import { observedEtcd } from '../etcd/membership.fixture.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { forecastNodes } from './add.js';

const serving = { leftovers: ['/etc/kubernetes/admin.conf', '/etc/kubernetes/kubelet.conf'] };
const node = { leftovers: ['/etc/kubernetes/kubelet.conf'] };

/** Three stacked control planes of which `fresh` are none yet, and workers w1, w2, …; the last one is new. */
function clusterOf({ workers, fresh = [] }: { workers: number; fresh?: readonly string[] }) {
  const controlPlanes = ['m1', 'm2', 'm3'];
  const names = Array.from({ length: workers }, (_, index) => `w${index + 1}`);
  const hosts = [...controlPlanes, ...names];
  const last = names.at(-1) ?? '';
  const ctx = planContext(
    smallCluster({
      hosts: hosts.map((name, index) => ({ name, address: `10.0.${Math.floor(index / 200)}.${(index % 200) + 10}` })),
      roleGroups: { etcd: controlPlanes, 'control-plane': controlPlanes, worker: names },
      network: { kubePodsCIDR: '10.128.0.0/12', kubeServiceCIDR: '10.96.0.0/16' },
    }),
    {
      facts: Object.fromEntries(
        hosts.map((name) => [
          name,
          fresh.includes(name) || (fresh.length === 0 && name === last)
            ? {}
            : controlPlanes.includes(name)
              ? serving
              : node,
        ]),
      ),
    },
  );
  return { ctx, last, names };
}

function size({ nodes }: ReturnType<typeof createCluster.plan>) {
  const jobs = nodes.flatMap((each) => each.jobs);
  return {
    steps: nodes.length,
    jobs: jobs.length,
    hosts: [...new Set(jobs.map(({ host }) => host))].filter((host) => host !== CONTROL_NODE).toSorted(),
  };
}

describe('a new worker', () => {
  test('costs the same beside three hosts and beside three hundred, and touches one control plane', () => {
    const [few, many] = [clusterOf({ workers: 2 }), clusterOf({ workers: 300 })].map(({ ctx, last }) => {
      // Only those that speak for the cluster are asked beside it.
      const facts = new Map([...ctx.facts].filter(([host]) => host === last || host.startsWith('m')));
      return { last, ...size(addNodesToCluster({ hosts: [last] }).plan({ ...ctx, facts })) };
    });
    expect(few?.hosts).toEqual(['m1', 'w2']);
    expect(many?.hosts).toEqual(['m1', 'w300']);
    expect([many?.steps, many?.jobs]).toEqual([few?.steps, few?.jobs]);
  });

  test('joins a cluster in which a control plane is dead', () => {
    const { ctx, last } = clusterOf({ workers: 2 });
    const facts = new Map([...ctx.facts].filter(([host]) => host !== 'm1' && host !== 'w1'));
    const graph = addNodesToCluster({ hosts: [last] }).plan({ ...ctx, facts });
    expect(size(graph).hosts).toEqual(['m2', 'w2']);
  });

  test('gets what cluster create would give it: the same steps with the same parameters', () => {
    const { ctx, last } = clusterOf({ workers: 2 });
    const work = (graph: ReturnType<typeof createCluster.plan>) =>
      graph.nodes
        .flatMap((each) => each.jobs)
        .filter(({ host }) => host === last)
        .map(({ step }) => `${step.kind} ${JSON.stringify(step.params)}`)
        .toSorted();
    const added = work(addNodesToCluster({ hosts: [last] }).plan(ctx));
    const created = work(createCluster.plan(ctx)).filter((line) => !line.startsWith('kube.kubelet'));
    expect(created.filter((line) => !added.includes(line))).toEqual([]);
    expect(added.filter((line) => !created.includes(line))).toEqual([]);
  });

  test('no file of another host names it', () => {
    const hostsFiles = (workers: number) =>
      new Map(
        createCluster
          .plan(clusterOf({ workers }).ctx)
          .nodes.filter(({ id }) => id.endsWith('/hosts-file'))
          .flatMap(({ jobs }) => jobs.map(({ host, step }) => [host, JSON.stringify(step.params)] as const)),
      );
    const [before, after] = [hostsFiles(2), hostsFiles(3)];
    for (const [host, params] of before) expect(after.get(host)).toBe(params);
    expect(after.get('w3')).toContain('"w3"');
  });
});

test.each([
  ['hosts of its own', { type: 'kubexm' }],
  [
    "the user's own etcd",
    {
      type: 'external',
      external: { endpoints: ['https://10.9.0.1:2379'], caFile: '/ca', certFile: '/crt', keyFile: '/key' },
    },
  ],
])('a new control plane beside %s has what its apiserver shows to etcd before it joins', (_, etcd) => {
  const hosts = ['e1', 'm1', 'm2'].map((name, index) => ({ name, address: `10.0.0.${index + 10}` }));
  const roleGroups = { etcd: etcd.type === 'external' ? [] : ['e1'], 'control-plane': ['m1', 'm2'], worker: ['e1'] };
  const ctx = planContext(smallCluster({ hosts, roleGroups, etcd }), {
    facts: { e1: node, m1: serving, m2: {} },
  });
  const { nodes } = addNodesToCluster({ hosts: ['m2'] }).plan(ctx);
  const join = nodes.findIndex(({ id }) => id.endsWith('/kubeadm-join'));
  for (const end of ['/upload-client-ca', '/install-apiserver-etcd-client']) {
    const at = nodes.findIndex(({ id }) => id.endsWith(end));
    expect(nodes[at]?.jobs.map(({ host }) => host)).toEqual(['m2']);
    expect(at).toBeLessThan(join);
  }
});

describe('a new control plane', () => {
  const { ctx } = clusterOf({ workers: 1, fresh: ['m3'] });
  const etcd = { observed: observedEtcd(ctx, [{ host: 'm1' }, { host: 'm2' }]), snapshot: true };

  test('is a member of etcd before its apiserver starts, and the others learn of it one after the other', () => {
    const graph = addNodesToCluster({ hosts: ['m3'], etcd }).plan(ctx);
    const ids = graph.nodes.map(({ id }) => id);
    const at = (end: string) => ids.findIndex((id) => id.endsWith(end));
    const order = [
      '/snapshot/save',
      '/promote-m3',
      '/reconcile-control-plane/static-pods-m1',
      '/reconcile-control-plane/static-pods-m2',
      '/reconcile-control-plane/upload-config',
      '/join-control-planes/kubeadm-join',
      '/label-nodes/label',
      '/ready-m3',
    ];
    expect(order.filter((end) => at(end) < 0)).toEqual([]);
    expect(order.map(at)).toEqual(order.map(at).toSorted((a, b) => a - b));
    const told = graph.nodes.find(({ id }) => id.endsWith('/follow-endpoint/hosts-file'));
    expect(told?.jobs.map(({ host }) => host).toSorted()).toEqual(['m1', 'm2', 'w1']);
  });

  test('is told of in the forecast, with what becomes of the quorum', () => {
    expect(forecastNodes(ctx, { hosts: ['m3'], etcd })).toEqual([
      expect.stringContaining('m3 becomes a control plane'),
      'now: 2 of 2 voters healthy, quorum 2',
      expect.stringContaining('with m3: 3 of 3 voters healthy'),
    ]);
  });
});

describe('refused', () => {
  test('a host without a role of a node, and a cluster that is not there', () => {
    const { ctx } = clusterOf({ workers: 2 });
    expect(() => forecastNodes(ctx, { hosts: ['x1'] })).toThrow(/x1: the config gives no host/);
    expect(() => forecastNodes({ ...ctx, facts: new Map() }, { hosts: ['w2'] })).toThrow(/no control plane/);
  });
});
