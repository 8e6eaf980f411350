import { describe, expect, test } from 'vitest';
import { draft, seal } from '../../plan/index.js';
import type { StepContext } from '../../step/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { observeUnused, pruneImages } from './images.js';
import { migrateRuntime, observeNodeRuntime } from './migrate-runtime.js';

const containerd = 'unix:///run/containerd/containerd.sock';
const docker = 'unix:///run/cri-dockerd.sock';

/** Where each piece of a migration of w1 to docker stands, in the order of the sealed graph. */
function migration(endpoint: string) {
  const cluster = smallCluster({
    hosts: [
      { name: 'm1', address: '10.0.0.11' },
      { name: 'w1', address: '10.0.0.21', containerRuntime: { type: 'docker', docker: { packages: ['docker.io'] } } },
    ],
    download: { checksums: { 'cri-dockerd-0.4.0.amd64.tgz': '0'.repeat(64) } },
  });
  const ctx = planContext(cluster, { facts: { m1: { leftovers: ['/etc/kubernetes/admin.conf'] } } });
  const g = draft<StepContext>('test');
  g.include(migrateRuntime({ node: 'w1', to: 'docker', observed: { endpoint }, drainSeconds: 60 }).plan(ctx));
  const { nodes } = seal('test', g.done(), { hosts: ['m1', 'w1'] });
  const ids = nodes.map(({ id }) => id.replace('test/migrate-runtime/', ''));
  return { nodes, ids, at: (id: string) => ids.indexOf(id) };
}

describe('migrating a runtime', () => {
  test('the node is empty before the kubelet stops, the old runtime gone before the new one comes', () => {
    const { ids, at } = migration(containerd);
    const order = [
      'cordon',
      'drain',
      'stop-kubelet',
      'uninstall-container-runtime/remove-pods',
      'uninstall-container-runtime/stop-containerd.service',
      'uninstall-container-runtime/clear-shims',
      'install/docker/install-packages',
      'install/docker/start-cri-dockerd',
      'verify',
      'kubelet',
      'start-kubelet',
      'annotate',
      'node-ready',
      'uncordon',
    ];
    expect(order.filter((id) => !ids.includes(id))).toEqual([]);
    expect(order.map(at)).toEqual(order.map(at).toSorted((a, b) => a - b));
  });

  test('every step of the old runtime waits for the drain, every step of the new one for the old', () => {
    const { nodes } = migration(containerd);
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const reaches = (id: string, goal: string): boolean =>
      id === goal || (byId.get(id)?.after ?? []).some(({ node }) => reaches(node, goal));
    const own = (part: string) => nodes.filter(({ id }) => id.includes(`/${part}/`)).map(({ id }) => id);
    for (const id of own('uninstall-container-runtime')) expect(reaches(id, 'test/migrate-runtime/drain')).toBe(true);
    for (const id of own('install')) {
      expect(reaches(id, 'test/migrate-runtime/uninstall-container-runtime/clear-shims')).toBe(true);
    }
  });

  test('a node whose kubelet uses the new one already is not drained again', () => {
    const { ids } = migration(docker);
    for (const id of ['drain', 'cordon', 'stop-kubelet']) expect(ids).not.toContain(id);
    expect(ids.some((id) => id.startsWith('uninstall'))).toBe(false);
    expect(ids).toEqual(expect.arrayContaining(['verify', 'start-kubelet', 'node-ready', 'uncordon']));
  });

  test('only the node and the control plane that speaks for it are touched', () => {
    const hosts = migration(containerd).nodes.flatMap(({ id, jobs }) =>
      id.startsWith('/') ? [] : jobs.map(({ host }) => host),
    );
    expect([...new Set(hosts)].sort()).toEqual(['m1', 'w1']);
    const onSpeaker = migration(containerd).nodes.filter(({ jobs }) => jobs.some(({ host }) => host === 'm1'));
    expect(onSpeaker.map(({ jobs }) => jobs[0]?.step.kind)).toEqual([
      'kube.cordon',
      'kube.drain',
      'kube.nodes',
      'kube.node-ready',
      'kube.uncordon',
    ]);
  });

  test('a node that was not heard is not one without a runtime', () => {
    const failures = [{ host: 'w1', message: 'w1 does not answer' }];
    const ctx = planContext(smallCluster());
    expect(() => observeNodeRuntime(ctx, { reports: [], failures })).toThrow('does not say');
  });
});

test('pruning removes by id what was seen; a host with nothing to remove is told of, and one that was not heard stops it', () => {
  const ctx = planContext(smallCluster());
  const images = [{ id: 'sha256:1', names: ['r/old:1'], size: 5 }];
  const failures = [{ host: 'm1', message: 'm1 does not answer' }];
  const of = (reports: Parameters<typeof observeUnused>[1]['reports']) =>
    pruneImages(observeUnused(ctx, { reports, failures })).plan(ctx);
  const plan = of([
    { report: 'cri:unused-images', host: 'm1', data: [] },
    { report: 'cri:unused-images', host: 'w1', data: images },
  ]);
  const jobs = [...plan.nodes.values()].flatMap((node) => node.jobs);
  expect(jobs.map(({ host, step }) => [host, step.params])).toEqual([
    ['m1', expect.objectContaining({ ids: [] })],
    [
      'w1',
      expect.objectContaining({ ids: ['sha256:1'], keep: expect.arrayContaining(['registry.k8s.io/pause:3.10.1']) }),
    ],
  ]);
  expect(() => of([])).toThrow('no node could be asked for its images');
});
