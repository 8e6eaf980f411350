import { describe, expect, test } from 'vitest';
import { createAndPrune, deleteNodesOfCluster } from '../../pipeline/index.js';
import { CONTROL_NODE } from '../../plan/index.js';
import { observedEtcd } from '../etcd/membership.fixture.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { type DeleteNodes, forecastDelete } from './delete.js';
import { type ApiNode, type NodesObservation, observeNodes } from './nodes.js';
import { strayNodes } from './prune.js';

const controlPlanes = ['m1', 'm2', 'm3'];
const workers = ['w1', 'w2'];
const serving = { leftovers: ['/etc/kubernetes/admin.conf', '/etc/kubernetes/kubelet.conf', '/var/lib/kubexm'] };
const worker = { leftovers: ['/etc/kubernetes/kubelet.conf', '/var/lib/kubexm'] };
const whole = planContext(
  smallCluster({
    hosts: [...controlPlanes, ...workers].map((name, index) => ({ name, address: `10.0.0.${index + 11}` })),
    roleGroups: { etcd: controlPlanes, 'control-plane': controlPlanes, worker: workers },
  }),
  {
    facts: Object.fromEntries(
      [...controlPlanes, ...workers].map((name) => [name, workers.includes(name) ? worker : serving]),
    ),
  },
);
const withDead = (...dead: string[]) => ({
  ...whole,
  facts: new Map([...whole.facts].filter(([host]) => !dead.includes(host))),
});

function apiNode(name: string, ready = 'True'): ApiNode {
  const labels: Record<string, string> = controlPlanes.includes(name)
    ? { 'node-role.kubernetes.io/control-plane': '' }
    : {};
  return { metadata: { name, labels }, spec: {}, status: { conditions: [{ type: 'Ready', status: ready }] } };
}

function observed(objects: readonly ApiNode[] | null): NodesObservation {
  return { objects, nodes: [], failures: [] };
}

const everyone = [...controlPlanes, ...workers].map((name) => apiNode(name));
const healthy = observedEtcd(whole, [{ host: 'm1' }, { host: 'm2' }, { host: 'm3' }]);
const params = (nodes: readonly string[], over: Partial<DeleteNodes> = {}): DeleteNodes => ({
  nodes,
  observed: observed(everyone),
  etcd: healthy,
  snapshot: true,
  drain: { timeoutSeconds: 60, evictUnmanaged: false },
  wipeData: false,
  ...over,
});

function planOf(ctx: typeof whole, over: DeleteNodes) {
  const { nodes } = deleteNodesOfCluster(over).plan(ctx);
  const ids = nodes.map(({ id }) => id);
  const hosts = [...new Set(nodes.flatMap(({ jobs }) => jobs.map(({ host }) => host)))];
  return { ids, at: (end: string) => ids.findIndex((id) => id.endsWith(end)), hosts: hosts.toSorted() };
}

describe('a worker that leaves', () => {
  test('is emptied, stopped, forgotten and cleaned, in this order, and nobody else is touched', () => {
    const { at, hosts } = planOf(whole, params(['w1']));
    const order = [
      '/pods-of-w1',
      '/w1/cordon',
      '/w1/drain',
      '/w1/stop-kubelet',
      '/w1/delete-node',
      '/stop-containerd.service',
    ];
    expect(order.filter((end) => at(end) < 0)).toEqual([]);
    expect(order.map(at)).toEqual(order.map(at).toSorted((a, b) => a - b));
    expect(hosts).toEqual(['m1', 'w1']);
  });

  test('is only forgotten when it is dead: no drain waits for a kubelet that cannot answer', () => {
    const dead = params(['w1'], { observed: observed([...everyone.slice(0, 3), apiNode('w1', 'Unknown')]) });
    const { ids, hosts } = planOf(withDead('w1'), dead);
    expect(ids.map((id) => id.split('/').at(-1))).toEqual(['delete-node']);
    expect(hosts).toEqual(['m1']);
    expect(forecastDelete(withDead('w1'), dead)).toEqual([
      'w1: removed without a drain: it does not report to the API; its host does not answer, and is not cleaned',
    ]);
  });
});

describe('the first control plane that leaves', () => {
  const { ids, at, hosts } = planOf(whole, params(['m1']));

  test('is forgotten by apiservers and etcd before its host is cleaned, and by all files that name it', () => {
    const order = [
      '/snapshot/save',
      '/m1/drain',
      '/static-pods-m2',
      '/static-pods-m3',
      '/upload-config',
      '/take-out/remove',
      '/m1/stop-kubelet',
      '/m1/delete-node',
    ];
    expect(order.filter((end) => at(end) < 0)).toEqual([]);
    expect(order.map(at)).toEqual(order.map(at).toSorted((a, b) => a - b));
    expect(at('/static-pods-m1')).toBe(-1);
    expect(ids).toContain('/pki/kubernetes/kubeconfig');
    expect(hosts).toEqual([CONTROL_NODE, ...controlPlanes, ...workers].toSorted());
  });

  test('no apiserver, no hosts file and no kubeconfig names it', () => {
    const { nodes } = deleteNodesOfCluster(params(['m1'])).plan(whole);
    for (const end of [
      '/static-pods-m2',
      '/upload-config',
      '/follow-endpoint/hosts-file',
      '/haproxy-config',
      '/pki/kubernetes/kubeconfig',
    ]) {
      const jobs = nodes.find(({ id }) => id.endsWith(end))?.jobs ?? [];
      expect(jobs.length).toBeGreaterThan(0);
      for (const { step } of jobs) expect(JSON.stringify(step.params)).not.toContain('10.0.0.11');
    }
  });
});

describe('refused', () => {
  test.each<[string, typeof whole, DeleteNodes, RegExp]>([
    ['the last control plane that serves', withDead('m2', 'm3'), params(['m1']), /without m1 no control plane/],
    ['all control planes', whole, params(controlPlanes), /no control plane would be left/],
    ['two members of etcd at once', whole, params(['m1', 'm2']), /lets one go at a time/],
    [
      'a member that the quorum needs',
      whole,
      params(['m1'], { etcd: observedEtcd(whole, [{ host: 'm1' }, { host: 'm2' }, { host: 'm3', healthy: false }]) }),
      /without m1 etcd would have no quorum/,
    ],
    [
      'a member of an etcd without a quorum',
      whole,
      params(['m1'], { etcd: observedEtcd(whole, [{ host: 'm1' }], 'unknown') }),
      /etcd has no quorum/,
    ],
    ['nodes nobody tells of', whole, params(['w1'], { observed: observed(null) }), /the API does not tell/],
    ['a name that is nobody', whole, params(['x1']), /x1: no node of the cluster/],
  ])('%s', (_what, ctx, given, message) => {
    expect(() => forecastDelete(ctx, given)).toThrow(message);
  });

  test('a worker may leave while etcd has no quorum to spare', () => {
    const etcd = observedEtcd(whole, [{ host: 'm1' }, { host: 'm2' }, { host: 'm3', healthy: false }]);
    expect(forecastDelete(whole, params(['w1'], { etcd }))).toHaveLength(1);
  });
});

describe('nodes that the config does not have', () => {
  const drain = { timeoutSeconds: 60, evictUnmanaged: false };

  test('are named, drained and taken out of the API; one that is dead is not drained', () => {
    const seen = observed([...everyone, apiNode('old1'), apiNode('old2', 'Unknown')]);
    expect(strayNodes(whole, seen)).toEqual(['old1', 'old2']);
    const ids = createAndPrune({ observed: seen, drain })
      .plan(whole)
      .nodes.map(({ id }) => id)
      .filter((id) => id.includes('/prune/'));
    expect(ids.map((id) => id.split('/').slice(3).join('/'))).toEqual([
      'old1/cordon',
      'old1/drain',
      'delete-old1',
      'delete-old2',
    ]);
  });

  test('a control plane among them is refused', () => {
    const labels = { 'node-role.kubernetes.io/control-plane': '' };
    const stray = { ...apiNode('old1'), metadata: { name: 'old1', labels } };
    expect(() => createAndPrune({ observed: observed([stray]), drain }).plan(whole)).toThrow(/old1 is a control plane/);
  });
});

describe('node list', () => {
  const info = {
    kubeletVersion: 'v1.33.0',
    containerRuntimeVersion: 'containerd://2.1.9',
    kernelVersion: '6.1',
    osImage: 'Debian',
  };
  const findings = (items: readonly object[] | null) => ({
    reports: [
      ...(items === null ? [] : [{ report: 'nodes:objects', host: 'm1', data: { items } as never }]),
      {
        report: 'nodes:certificates',
        host: 'w1',
        data: {
          certificates: [
            { name: '/var/lib/kubelet/pki/kubelet-client-2026-01-01.pem', daysLeft: 3.2 },
            { name: '/var/lib/kubelet/pki/kubelet-client-2026-02-01.pem', daysLeft: 300.9 },
          ],
          broken: [],
        } as never,
      },
    ],
    failures: [],
  });

  test('tells what differs from the config, who is in it and no node, and who is a node and not in it', () => {
    const w1 = apiNode('w1');
    const items = [
      ...controlPlanes.map((name) => apiNode(name)),
      { ...w1, spec: { unschedulable: true }, status: { ...w1.status, nodeInfo: info } },
      apiNode('old1', 'False'),
    ];
    const { nodes } = observeNodes(whole, findings(items));
    expect(nodes.map(({ name, state }) => [name, state])).toEqual([
      ['m1', 'ready'],
      ['m2', 'ready'],
      ['m3', 'ready'],
      ['w1', 'ready'],
      ['w2', 'absent'],
      ['old1', 'not-ready'],
    ]);
    const found = nodes.find(({ name }) => name === 'w1');
    expect(found).toMatchObject({ cordoned: true, kubelet: 'v1.33.0', certificateDays: 300, roles: ['worker'] });
    expect(found?.drift).toEqual([
      `kubelet v1.33.0, not ${whole.cluster.spec.kubernetes.version}`,
      'label node-role.kubernetes.io/worker',
    ]);
    expect(nodes.at(-1)?.drift).toEqual(['is not in the config']);
  });

  test('without an answer of the API every state is unknown, not absent', () => {
    const { objects, nodes } = observeNodes(whole, findings(null));
    expect(objects).toBeNull();
    expect(new Set(nodes.map(({ state }) => state))).toEqual(new Set(['unknown']));
    expect(nodes.find(({ name }) => name === 'w1')?.certificateDays).toBe(300);
  });
});
