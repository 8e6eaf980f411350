import { describe, expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { obstaclesOf } from './obstacles.js';
import { upgradeStages } from './stages.js';
import { observedUpgrade } from './upgrade.fixture.js';

const clusterOf = (version: string, kubelet: object = {}) => smallCluster({ kubernetes: { version, kubelet } });
const serving = { leftovers: ['/etc/kubernetes/admin.conf'] };

function obstacles(
  {
    from = 'v1.33.13',
    to = 'v1.34.4',
    facts = {},
    kubelet = {},
    acceptRemovedApis = false,
    deprecated = [] as ReturnType<typeof observedUpgrade>['deprecated'],
  },
  observed: Parameters<typeof observedUpgrade>[2] = {},
) {
  const ctx = planContext(clusterOf(from, kubelet), { facts: { m1: { ...serving, ...facts } } });
  return obstaclesOf(ctx, {
    observed: { ...observedUpgrade(ctx, from, observed), deprecated },
    clusters: new Map([[to, clusterOf(to, kubelet)]]),
    acceptRemovedApis,
  });
}

const pod = (name: string, owner: string | undefined) => ({
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    labels: { app: 'web' },
    ...(owner === undefined ? {} : { ownerReferences: [{ kind: owner, controller: true }] }),
  },
});
const budget = (disruptionsAllowed: number) => ({
  metadata: { name: 'web-stays', namespace: 'default' },
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
    const node = (name: string, ready: boolean) => ({
      name,
      ready,
      because: 'no heartbeat',
      kubelet: 'v1.33.13',
      cordoned: false,
    });
    expect(obstacles({}, { nodes: [node('w1', false)] }).refusals).toEqual([
      'm1 is in the config and no node of the cluster',
      'w1 is not Ready: no heartbeat',
    ]);
    expect(obstacles({}, { nodes: [node('m1', true), node('w1', false)], begun: ['w1'] }).refusals).toEqual([]);
  });

  test('APIs that are asked for and gone by then; those that go later are not told', () => {
    const api = (removedRelease: string) => ({ group: 'x.io', version: 'v1beta1', resource: 'things', removedRelease });
    const gone = 'things.v1beta1.x.io is asked for, and is gone in 1.34';
    expect(obstacles({ deprecated: [api('1.34')] }).refusals).toEqual([gone]);
    expect(obstacles({ deprecated: [api('1.35')] }).refusals).toEqual([]);
    const accepted = obstacles({ deprecated: [api('1.34')], acceptRemovedApis: true });
    expect(accepted).toEqual({ refusals: [], warnings: [gone] });
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
