import { describe, expect, test } from 'vitest';
import { seal } from '../../plan/index.js';
import { fakeFacts } from '../../runner/fake-facts.js';
import type { Fragment } from '../context.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { deleteCluster, forecastDeletion } from './delete-cluster.js';
import { resetHosts } from './reset-hosts.js';

const touched = { leftovers: ['/var/lib/kubexm'] };
const cluster = smallCluster();
const both = planContext(cluster, { facts: { m1: touched, w1: touched } });
const params = { wipeData: false, purgePackages: false };
const hosts = ['m1', 'w1'];

function nodesOf(fragment: Fragment) {
  return seal('test', fragment, { hosts }).nodes;
}

function hostsOf(fragment: Fragment, node: string): readonly string[] {
  return (
    nodesOf(fragment)
      .find(({ id }) => id.endsWith(node))
      ?.jobs.map(({ host }) => host) ?? []
  );
}

describe('the reset of single hosts', () => {
  test('touches them alone', () => {
    const jobs = nodesOf(resetHosts({ ...params, hosts: ['w1'] }).plan(both)).flatMap((node) => node.jobs);
    expect(new Set(jobs.map(({ host }) => host))).toEqual(new Set(['w1']));
  });

  test('leaves out what does not answer, and what kubexm never was at work on', () => {
    const fresh = planContext(cluster, { facts: { m1: touched } });
    expect(hostsOf(resetHosts({ ...params, hosts }).plan(fresh), '/wipe-state')).toEqual(['m1']);
    const down = { ...both, facts: new Map([...both.facts].filter(([host]) => host === 'm1')) };
    expect(hostsOf(resetHosts({ ...params, hosts }).plan(down), '/wipe-state')).toEqual(['m1']);
  });

  test('that stay members of etcd keeps it, its system and its notes, and forgets the node', () => {
    const fragment = resetHosts({ ...params, hosts: ['m1'], keepEtcd: ['m1'] }).plan(both);
    const ids = nodesOf(fragment).map(({ id }) => id.replace('reset-hosts/', ''));
    expect(ids.filter((id) => /etcd|sysctl|hostname|wipe-state|hosts-file/.test(id))).toEqual([]);
    expect(hostsOf(fragment, '/kubeadm-state')).toEqual(['m1']);
    expect(hostsOf(fragment, '/stop-containerd.service')).toEqual(['m1']);
  });

  test('knows by what lies there that a host without roles was a node', () => {
    const spec = {
      hosts: ['m1', 'w1', 'old'].map((name, index) => ({ name, address: `10.0.0.${index + 11}` })),
    };
    const ctx = planContext(smallCluster(spec), { facts: { m1: touched } });
    const leftovers = ['/var/lib/kubexm', '/etc/kubernetes/kubelet.conf', '/etc/etcd/etcd.yaml'];
    const facts = new Map([...ctx.facts, ['old', fakeFacts('old', { leftovers })] as const]);
    const { nodes } = seal('test', resetHosts({ ...params, hosts: ['old'] }).plan({ ...ctx, facts }), {
      hosts: ['old'],
    });
    expect(nodes.some(({ id }) => id.endsWith('/remove-etcd/data'))).toBe(true);
    expect(nodes.some(({ id }) => id.endsWith('/wipe-var-lib-kubelet'))).toBe(true);
  });

  test.each([
    [false, false],
    [true, true],
  ])('images, data and logs go with wipeData %s: %s', (wipeData, go) => {
    const ids = nodesOf(resetHosts({ ...params, wipeData, hosts }).plan(both)).map(({ id }) => id);
    for (const path of ['var-lib-containerd', 'var-log-pods']) {
      expect(ids.some((id) => id.endsWith(`/wipe-${path}`))).toBe(go);
    }
  });

  test('of a host that is a member only, a container runtime of its own stays', () => {
    const spec = {
      hosts: [
        { name: 'm1', address: '10.0.0.11' },
        { name: 'w1', address: '10.0.0.21' },
      ],
      roleGroups: { etcd: ['w1'], 'control-plane': ['m1'], worker: ['m1'] },
    };
    const ctx = planContext(smallCluster(spec), { facts: { m1: touched, w1: touched } });
    const jobs = nodesOf(resetHosts({ ...params, hosts: ['w1'] }).plan(ctx)).map(({ id }) => id);
    expect(jobs.some((id) => /containerd|kubelet|pod-network/.test(id))).toBe(false);
    expect(jobs.some((id) => id.endsWith('/remove-etcd/data'))).toBe(true);
  });
});

describe('the deletion of a cluster', () => {
  test('ends workers before control planes, and these before etcd', () => {
    const nodes = nodesOf(deleteCluster(params).plan(both));
    const at = (end: string) => nodes.findIndex(({ id }) => id.endsWith(end));
    const waits = (id: string, on: string) =>
      nodes[at(id)]?.after.some(({ node, kind }) => node.endsWith(on) && kind === 'barrier');
    expect(waits('/stop-kubeadm-2', '/remove-pods-1-1')).toBe(true);
    expect(waits('/remove-etcd/backup-timer', '/remove-pods-2-1')).toBe(true);
  });

  test('keeps the keys while a host is left that they are needed for', () => {
    const retired = (ctx: typeof both) =>
      nodesOf(deleteCluster(params).plan(ctx)).some(({ id }) => id.endsWith('/retire-keys'));
    expect(retired(both)).toBe(true);
    expect(retired({ ...both, facts: new Map([...both.facts].slice(0, 1)) })).toBe(false);
  });

  test('is told before: what is reset, what is clean, what does not answer', () => {
    expect(forecastDeletion(planContext(cluster, { facts: { m1: touched } }))).toEqual({
      reset: ['m1'],
      clean: ['w1'],
      unreachable: [],
    });
    const down = { ...both, facts: new Map([...both.facts].slice(0, 1)) };
    expect(forecastDeletion(down)).toMatchObject({ reset: ['m1'], unreachable: ['w1'] });
  });
});
