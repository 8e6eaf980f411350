import { describe, expect, test } from 'vitest';
import { upgradeOfCluster } from '../../pipeline/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { type PausePoint, upgradeStages } from './stages.js';
import { observedUpgrade } from './upgrade.fixture.js';

const from = 'v1.33.13';
const to = 'v1.34.4';
const controlPlanes = ['m1', 'm2'];
const workers = ['w1', 'w2', 'w3'];
const all = [...controlPlanes, ...workers];
const clusterOf = (version: string) =>
  smallCluster({
    hosts: all.map((name, index) => ({ name, address: `10.0.0.${11 + index}` })),
    roleGroups: { etcd: ['m1'], 'control-plane': controlPlanes, worker: workers },
    kubernetes: { version },
  });
const serving = { leftovers: ['/etc/kubernetes/admin.conf'] };
const ctx = planContext(clusterOf(from), { facts: { m1: serving, m2: serving } });

/** `hosts`: of a step, by the end of its id; `waits`: whether one comes after another, both by the ends of their ids. */
function planned({
  path = [to],
  pauseAfter,
  canary,
  atOnce = 1,
  observed: over = {},
}: {
  readonly path?: readonly string[];
  readonly pauseAfter?: PausePoint;
  readonly canary?: string;
  readonly atOnce?: number;
  readonly observed?: Parameters<typeof observedUpgrade>[2];
}) {
  const observed = observedUpgrade(ctx, from, over);
  const { nodes } = upgradeOfCluster({
    observed,
    clusters: new Map(path.map((version) => [version, clusterOf(version)])),
    from: clusterOf(from),
    stages: upgradeStages(ctx, { observed, path, canary, pauseAfter }),
    atOnce,
    ...(canary === undefined ? {} : { canary }),
    certificateRenewal: true,
    drainSeconds: 600,
  }).plan(ctx);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const named = (end: string) => nodes.find(({ id }) => id.endsWith(`/${end}`));
  const before = (id: string, seen = new Set<string>()): ReadonlySet<string> => {
    for (const { node } of byId.get(id)?.after ?? []) {
      if (seen.has(node)) continue;
      seen.add(node);
      before(node, seen);
    }
    return seen;
  };
  return {
    ids: nodes.map(({ id }) => id),
    hosts: (end: string) => named(end)?.jobs.map(({ host }) => host) ?? [],
    waits(later: string, earlier: string) {
      const [after, first] = [named(later), named(earlier)];
      if (after === undefined || first === undefined) throw new Error(`no ${after ? earlier : later} in the plan`);
      return before(after.id).has(first.id);
    },
  };
}

describe('an upgrade', () => {
  test('has a snapshot, and every image on every node, before anything stops', () => {
    const { hosts, waits } = planned({});
    expect(hosts(`stage-${to}/pull-images`)).toEqual(all);
    for (const early of [`stage-${to}/pull-images`, 'snapshot/save'])
      for (const late of [`${to}/control-plane-m1`, `${to}/node-w1/cordon`]) expect(waits(late, early)).toBe(true);
  });

  test('has the images of kube-proxy and CoreDNS on the workers also where it stops before them', () => {
    const { ids, hosts } = planned({ pauseAfter: 'control-plane' });
    expect(hosts(`stage-${to}/pull-images`)).toEqual(all);
    expect(hosts(`stage-${to}/place-kubelet`)).not.toContain('w1');
    expect(ids.some((id) => id.includes('/node-w1/'))).toBe(false);
  });

  test('goes through control planes one by one, then their kubelets, then workers', () => {
    const { waits } = planned({ atOnce: 2 });
    expect(waits(`${to}/control-plane-m2`, `${to}/api-m1`)).toBe(true);
    expect(waits(`${to}/api-m1`, `${to}/control-plane-m1`)).toBe(true);
    expect(waits('node-m1/uncordon', 'node-m1/api')).toBe(true);
    expect(waits('node-m1/api', 'node-m1/settle-kubelet')).toBe(true);
    expect(waits('node-m1/kubelet', `${to}/control-plane-m2`)).toBe(true);
    expect(waits('node-m1/kubectl', `${to}/control-plane-m2`)).toBe(true);
    expect(waits('node-m2/cordon', 'node-m1/uncordon')).toBe(true);
    expect(waits('node-w1/cordon', 'node-m2/uncordon')).toBe(true);
    // Two at a time.
    expect(waits('node-w2/cordon', 'node-w1/kubelet')).toBe(false);
    expect(waits('node-w3/cordon', 'node-w1/uncordon')).toBe(true);
    expect(waits('node-w3/cordon', 'node-w2/uncordon')).toBe(true);
  });

  test('lets pods come back to a node only when it is Ready with the kubelet that stays', () => {
    const { waits, hosts } = planned({});
    expect(waits('node-w1/kubelet', 'node-w1/drain')).toBe(true);
    expect(waits('node-w1/settle-kubelet', 'node-w1/ready')).toBe(true);
    expect(waits('node-w1/uncordon', 'node-w1/settle-kubelet')).toBe(true);
    expect(hosts('node-w1/settle-kubelet')).toEqual(['w1']);
    // Whoever speaks for a control plane that is away is another one.
    expect([hosts('node-m1/drain'), hosts('node-w1/drain')]).toEqual([['m2'], ['m1']]);
  });

  test('is through with a node when that node is: nothing of it is left for the end', () => {
    const { ids, hosts, waits } = planned({ path: [to, 'v1.35.4'] });
    expect(hosts(`${to}/node-w1/remove-staged`)).toEqual(['w1']);
    expect(waits(`${to}/node-w1/remove-staged`, `${to}/node-w1/uncordon`)).toBe(true);
    expect(hosts('v1.35.4/cluster-ready')).toEqual(['m1']);
    expect(ids.at(-1)).toMatch(/\/v1\.35\.4\/cluster-ready$/);
  });

  test('has a canary that goes alone', () => {
    const { waits } = planned({ atOnce: 3, canary: 'w2' });
    for (const other of ['w1', 'w3']) expect(waits(`node-${other}/cordon`, 'node-w2/uncordon')).toBe(true);
  });

  test('ends one version before the next begins', () => {
    const path = [to, 'v1.35.4'];
    const { waits } = planned({ path, atOnce: 3 });
    expect(waits('v1.35.4/control-plane-m1', `${to}/cluster-ready`)).toBe(true);
    for (const worker of workers) expect(waits(`${to}/cluster-ready`, `${to}/node-${worker}/uncordon`)).toBe(true);
    // Also of the second version everything is there before the first stops anything.
    expect(waits(`${to}/control-plane-m1`, 'stage-v1.35.4/pull-images')).toBe(true);
  });

  test('that goes on does not drain what is through, and looks after its cordon', () => {
    const made = { m1: to, m2: to, w1: to };
    const { ids, waits } = planned({ observed: { kubelets: made, apiservers: { m1: to, m2: to }, begun: ['w2'] } });
    const drains = ids.filter((id) => id.endsWith('/drain')).map((id) => /node-(\w+)/.exec(id)?.[1]);
    expect(drains).toEqual(['w2', 'w3']);
    expect(waits('node-w1/uncordon', 'node-w1/settle-kubelet')).toBe(true);
  });
});
