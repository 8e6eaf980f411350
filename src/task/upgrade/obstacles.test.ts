import { describe, expect, test } from 'vitest';
import { observedEtcd } from '../etcd/membership.fixture.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import type { UpgradeObservation } from './observation.js';
import { obstaclesOf } from './obstacles.js';
import { upgradeStages } from './stages.js';
import { observedUpgrade } from './upgrade.fixture.js';

const clusterOf = (version: string, kubelet: object = {}, spec: object = {}) =>
  smallCluster({ kubernetes: { version, kubelet }, ...spec });
const serving = { leftovers: ['/etc/kubernetes/admin.conf'] };

function obstacles(
  {
    from = 'v1.33.13',
    to = 'v1.34.4',
    facts = {},
    kubelet = {},
    acceptRemovedApis = false,
    over = {} as Partial<UpgradeObservation>,
    via = [] as readonly string[],
    atOnce = 1,
    spec = {},
  },
  observed: Parameters<typeof observedUpgrade>[2] = {},
) {
  const ctx = planContext(clusterOf(from, kubelet, spec), { facts: { m1: { ...serving, ...facts } } });
  return obstaclesOf(ctx, {
    observed: { ...observedUpgrade(ctx, from, observed), ...over },
    clusters: new Map([...via, to].map((version) => [version, clusterOf(version, kubelet, spec)])),
    atOnce,
    acceptRemovedApis,
  });
}

const node = (name: string, more: Partial<UpgradeObservation['objects']['nodes'][number]> = {}) => ({
  name,
  ready: true,
  because: 'no heartbeat',
  kubelet: 'v1.33.13',
  cordoned: false,
  runtime: 'containerd://2.1.9',
  takesPods: name.startsWith('w'),
  ...more,
});

const pod = (name: string, owner: string | undefined) => ({
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    labels: { app: 'web' },
    ...(owner === undefined ? {} : { ownerReferences: [{ kind: owner, controller: true }] }),
  },
});
const budget = (disruptionsAllowed: number, name = 'web-stays') => ({
  metadata: { name, namespace: 'default' },
  spec: { selector: { matchLabels: { app: 'web' } } },
  status: { disruptionsAllowed, currentHealthy: 2, desiredHealthy: 2 },
});

describe('what stands in the way of an upgrade', () => {
  test('nothing, where all is well', () => {
    expect(obstacles({})).toEqual({ refusals: [], warnings: [] });
  });

  test('a budget that lets no pod go is named with its pods and their nodes, and only then', () => {
    const pods = [pod('web-1', 'ReplicaSet'), pod('agent', 'DaemonSet')];
    const podNodes = { 'default/web-1': 'w1', 'default/agent': 'w1' };
    expect(obstacles({}, { pods, podNodes, budgets: [budget(0)] }).refusals).toEqual([
      'the budget default/web-stays (2 healthy pods are needed, there are 2) lets none of its pods go: default/web-1 on w1',
    ]);
    expect(obstacles({}, { pods, podNodes, budgets: [budget(1)] }).refusals).toEqual([]);
    // Nothing is drained where the kubelet is through.
    const done = { kubelets: { w1: 'v1.34.4' } };
    expect(obstacles({}, { pods, podNodes, budgets: [budget(0)], ...done }).refusals).toEqual([]);
  });

  test('a pod that nobody would make anew', () => {
    const objects = { pods: [pod('alone', undefined)], podNodes: { 'default/alone': 'w1' } };
    expect(obstacles({}, objects).refusals).toEqual([
      'the pod default/alone on w1 has no controller: nobody would make it anew',
    ]);
  });

  test('a node that is not Ready, or not there; one whose upgrade is open is finished', () => {
    expect(obstacles({}, { nodes: [node('w1', { ready: false })] }).refusals).toEqual([
      'm1 is in the config and no node of the cluster',
      'w1 is not Ready: no heartbeat',
    ]);
    expect(obstacles({}, { nodes: [node('m1'), node('w1', { ready: false })], begun: ['w1'] }).refusals).toEqual([]);
  });

  test('APIs that are asked for and gone by then; those that go later are not told', () => {
    const api = (removedRelease: string) => ({ group: 'x.io', version: 'v1beta1', resource: 'things', removedRelease });
    const gone = 'things.v1beta1.x.io is asked for, and is gone in 1.34';
    const over = { deprecated: [api('1.34')] };
    expect(obstacles({ over }).refusals).toEqual([gone]);
    expect(obstacles({ over: { deprecated: [api('1.35')] } }).refusals).toEqual([]);
    expect(obstacles({ over, acceptRemovedApis: true })).toEqual({ refusals: [], warnings: [gone] });
  });

  test('an API server that does not say what it is asked for, but where an upgrade has it half-way', () => {
    const line = 'the API server of m1 does not say which deprecated APIs are asked for';
    const over = { uncounted: ['m1'] };
    expect(obstacles({ over }).refusals).toEqual([line]);
    expect(obstacles({ over, acceptRemovedApis: true })).toEqual({ refusals: [], warnings: [line] });
    const ctx = planContext(clusterOf('v1.33.13'), { facts: { m1: serving } });
    const { hosts } = observedUpgrade(ctx, 'v1.33.13');
    const halfWay = new Map([...hosts].map(([name, report]) => [name, { ...report }]));
    const m1 = hosts.get('m1');
    if (m1) halfWay.set('m1', { ...m1, controlPlane: { ...m1.controlPlane, 'kube-apiserver': 'v1.34.4' } });
    expect(obstacles({ over: { ...over, hosts: halfWay } })).toEqual({ refusals: [], warnings: [line] });
  });

  test('objects whose manifests are of an API that is gone by then; who wrote them once is told', () => {
    const stored = (removed: number, more: Partial<UpgradeObservation['stored']['apis'][number]>) => ({
      stored: {
        apis: [{ group: 'x.io', version: 'v1beta1', resource: 'things', removed, applied: [], written: [], ...more }],
        custom: [],
      },
    });
    const gone =
      'a, b were applied as things.v1beta1.x.io, which is gone in 1.34: apply the manifest anew in a newer version';
    const over = stored(34, { applied: ['a', 'b'] });
    expect(obstacles({ over }).refusals).toEqual([gone]);
    expect(obstacles({ over: stored(35, { applied: ['a', 'b'] }) }).refusals).toEqual([]);
    expect(obstacles({ over, acceptRemovedApis: true })).toEqual({ refusals: [], warnings: [gone] });
    expect(obstacles({ over: stored(34, { count: 7 }) }).refusals[0]).toMatch(
      /^7 objects of things\.v1beta1\.x\.io are stored/,
    );
    expect(obstacles({ over: stored(34, { count: -1 }) }).refusals[0]).toMatch(
      /^nobody knows how many objects of things/,
    );
    // Over several versions, of any of them.
    expect(obstacles({ via: ['v1.34.4'], to: 'v1.35.4', over }).refusals).toEqual([gone]);
    const written = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(obstacles({ over: stored(34, { written }) })).toEqual({
      refusals: [],
      warnings: [
        'a, b, c, d, e and 1 more were once written as things.v1beta1.x.io, which is gone in 1.34: see by whom',
      ],
    });
  });

  test('objects of kinds of the users that nobody could read; what is only old is told', () => {
    const custom = (stored: readonly string[], established = true) => ({
      stored: {
        apis: [],
        custom: [
          {
            name: 'things.x.io',
            versions: [
              { name: 'v1', served: true },
              { name: 'v1beta1', served: false },
            ],
            stored,
            established,
          },
        ],
      },
    });
    expect(obstacles({ over: custom(['v1']) })).toEqual({ refusals: [], warnings: [] });
    expect(obstacles({ over: custom(['v1alpha1', 'v1']) }).refusals[0]).toMatch(
      /^objects of things\.x\.io are stored as v1alpha1, which it does not have any more/,
    );
    expect(obstacles({ over: custom(['v1beta1', 'v1']) })).toEqual({
      refusals: [],
      warnings: [
        'objects of things.x.io may be stored as v1beta1, which it does not serve: only its conversion reads them',
      ],
    });
    expect(obstacles({ over: custom(['v1'], false) }).warnings).toEqual([
      'things.x.io is not established: its objects are not served',
    ]);
  });

  test('a budget has no say about pods that are not ready, where it says so or has enough others', () => {
    const ill = (phase: string, ready: string) => ({
      pods: [{ ...pod('web-1', 'ReplicaSet'), status: { phase, conditions: [{ type: 'Ready', status: ready }] } }],
      podNodes: { 'default/web-1': 'w1' },
    });
    const closed = (healthy: number, more = {}) => {
      const { metadata, spec, status } = budget(0);
      return { metadata, spec: { ...spec, ...more }, status: { ...status, currentHealthy: healthy } };
    };
    const refusals = (objects: object, of: ReturnType<typeof closed>) =>
      obstacles({}, { ...objects, budgets: [of] }).refusals.length;
    expect(refusals(ill('Running', 'True'), closed(2))).toBe(1);
    expect(refusals(ill('Running', 'False'), closed(1))).toBe(1);
    expect(refusals(ill('Running', 'False'), closed(2))).toBe(0);
    expect(refusals(ill('Running', 'False'), closed(1, { unhealthyPodEvictionPolicy: 'AlwaysAllow' }))).toBe(0);
    expect(refusals(ill('Pending', 'False'), closed(1))).toBe(0);
  });

  test('two budgets for one pod: it is never evicted', () => {
    const objects = {
      pods: [pod('web-1', 'ReplicaSet')],
      podNodes: { 'default/web-1': 'w1' },
      budgets: [budget(1), budget(1, 'web-too')],
    };
    expect(obstacles({}, objects).refusals).toEqual([
      'default/web-stays and default/web-too both cover default/web-1 on w1: such pods are never evicted',
    ]);
  });

  test('a budget that holds, and no other node for its pods: it is told, as the drain may stop at it', () => {
    const objects = {
      pods: [pod('web-1', 'ReplicaSet'), pod('web-2', 'ReplicaSet')],
      podNodes: { 'default/web-1': 'w1', 'default/web-2': 'w1' },
      budgets: [budget(1)],
    };
    expect(obstacles({}, objects).warnings).toEqual([
      expect.stringMatching(/^the budget default\/web-stays lets 1 of 2 pods go at a time, and while w1 is drained no/),
    ]);
    const two = [node('m1'), node('w1'), node('w2')];
    const strays = ['w2 is a node and not in the config: its kubelet stays at v1.33.13'];
    expect(obstacles({}, { ...objects, nodes: two }).warnings).toEqual(strays);
    expect(obstacles({}, { ...objects, budgets: [budget(2)] }).warnings).toEqual([]);
  });

  test('nodes that the config does not have, by whether their kubelets go with the new version', () => {
    const with33 = (kubelet: string) => ({ nodes: [node('m1'), node('w1'), node('w9', { kubelet })] });
    expect(obstacles({}, with33('v1.31.14'))).toEqual({
      refusals: [],
      warnings: ['w9 is a node and not in the config: its kubelet stays at v1.31.14'],
    });
    expect(obstacles({ via: ['v1.34.4'], to: 'v1.35.4' }, with33('v1.31.14')).refusals).toEqual([
      expect.stringMatching(/^w9 is a node .* at v1\.31\.14, which v1\.35\.4 does not take/),
    ]);
  });

  test('a CoreDNS that is newer than what would come', () => {
    const from = (coredns: string) => obstacles({}, { coredns }).refusals;
    expect(from('registry.k8s.io/coredns/coredns:v1.12.0')).toEqual([]);
    expect(from('registry.local:5000/coredns:v1.14.7')).toEqual([
      'CoreDNS runs v1.14.7, and v1.12.1 would come with v1.34.4: write spec.kubernetes.dns.imageTag: v1.14.7 into the config',
    ]);
    // Somebody's own build: nothing can be said of it.
    expect(from('registry.local/dns@sha256:abc')).toEqual([]);
  });

  test('a containerd that is too old for a version on the way, before that of the config comes', () => {
    const nodes = (kubelet: string) => ({
      nodes: [node('m1', { kubelet }), node('w1', { kubelet, runtime: 'containerd://1.7.27' })],
    });
    const over36 = { from: 'v1.35.4', via: ['v1.36.1'], to: 'v1.37.0' };
    expect(obstacles(over36, nodes('v1.35.4')).refusals).toEqual([
      expect.stringMatching(/^containerd of w1 is 1\.7\.27; kubelets of v1\.36\.1 need 2\.0\.0/),
    ]);
    // With the last version the runtime of the config comes before the kubelet.
    expect(obstacles({ from: 'v1.35.4', to: 'v1.36.1' }, nodes('v1.35.4')).refusals).toEqual([]);
  });

  test('an etcd that is ill, and what nobody here can look into', () => {
    const ctx = planContext(clusterOf('v1.33.13'), { facts: { m1: serving } });
    const ill = observedEtcd(ctx, [{ host: 'm1', version: '3.6.14', healthy: false }]);
    expect(obstacles({ over: { etcd: ill } }).refusals).toEqual([
      expect.stringMatching(/^etcd of m1 is not healthy .*kubexm etcd health$/),
    ]);
    const full = observedEtcd(ctx, [{ host: 'm1', version: '3.6.14', alarms: ['NOSPACE'] }]);
    expect(obstacles({ over: { etcd: full } }).refusals).toEqual([
      'etcd of m1 is not healthy (alarm NOSPACE): kubexm etcd health',
    ]);
    expect(obstacles({ spec: { network: { plugin: 'none' } } }).warnings).toEqual([
      "the network plugin is not kubexm's: see that its release goes with v1.34.4",
    ]);
  });

  test('cgroup v1 from 1.35 on, with the line that lets it be', () => {
    const facts = { cgroup: 'v1' };
    const to = { from: 'v1.34.4', to: 'v1.35.4', facts };
    expect(obstacles(to).refusals[0]).toMatch(/^m1: .*spec\.kubernetes\.kubelet\.extraConfig\.failCgroupV1: false$/);
    expect(obstacles({ ...to, kubelet: { extraConfig: { failCgroupV1: false } } }).refusals).toEqual([]);
    expect(obstacles({ facts }).refusals).toEqual([]);
  });

  test('an etcd that the new version does not take', () => {
    expect(obstacles({}, { etcd: '3.5.20' }).refusals).toEqual([
      'etcd of m1 is v3.5.20; Kubernetes v1.34.4 needs v3.5.24: kubexm etcd upgrade --to v3.5.24',
    ]);
  });

  test('too little room, of what lies on one file system taken together', () => {
    const gib = 2 ** 30;
    const freeBytes = { '/var/lib/kubexm': gib / 2, '/var/lib/containerd': gib / 2 };
    expect(obstacles({ facts: { freeBytes, fileSystems: {} } }).refusals).toEqual([]);
    const fileSystems = { '/var/lib/kubexm': '/', '/var/lib/containerd': '/' };
    expect(obstacles({ facts: { freeBytes, fileSystems } }).refusals).toEqual([
      'm1: 512 MiB free for /var/lib/kubexm and /var/lib/containerd, 768 are needed',
    ]);
    // Programs are copied where they cannot be linked.
    const apart = { '/var/lib/kubexm': '/', '/usr/local/bin': '/usr' };
    const full = { ...freeBytes, '/usr/local/bin': gib / 8 };
    expect(obstacles({ facts: { freeBytes: full, fileSystems: apart } }).refusals).toEqual([
      'm1: 128 MiB free for /usr/local/bin, 256 are needed',
    ]);
  });
});

describe('the stages of an upgrade', () => {
  const ctx = planContext(clusterOf('v1.33.13'), { facts: { m1: serving } });
  const names = (options: Partial<Parameters<typeof upgradeStages>[1]>, observed = {}) =>
    upgradeStages(ctx, {
      observed: observedUpgrade(ctx, 'v1.33.13', observed),
      path: ['v1.34.4', 'v1.35.4'],
      ...options,
    }).map(({ version, name, done }) => `${version} ${name}${done ? ' done' : ''}`);

  test('each version is whole before the next', () => {
    expect(names({})).toEqual([
      'v1.34.4 control-plane',
      'v1.34.4 workers',
      'v1.34.4 end done',
      'v1.35.4 control-plane',
      'v1.35.4 workers',
      'v1.35.4 end done',
    ]);
  });

  test('a pause comes after the first stage of its name that is not through yet, and not again when it is', () => {
    const controlPlane = { kubelets: { m1: 'v1.34.4' }, apiservers: { m1: 'v1.34.4' } };
    expect(names({ pauseAfter: 'control-plane' })).toEqual(['v1.34.4 control-plane']);
    expect(names({ pauseAfter: 'control-plane' }, controlPlane)).toEqual([
      'v1.34.4 control-plane done',
      'v1.34.4 workers',
      'v1.34.4 end done',
      'v1.35.4 control-plane',
    ]);
    expect(names({ pauseAfter: 'canary', canary: 'w1' })).toEqual(['v1.34.4 control-plane', 'v1.34.4 canary']);
  });

  test('a kubelet whose upgrade is open is not through', () => {
    const almost = { kubelets: { m1: 'v1.34.4', w1: 'v1.34.4' }, apiservers: { m1: 'v1.34.4' } };
    expect(names({ path: ['v1.34.4'] }, almost)).toContain('v1.34.4 workers done');
    expect(names({ path: ['v1.34.4'] }, { ...almost, begun: ['w1'] })).toContain('v1.34.4 workers');
  });
});
