import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import {
  addNodesToCluster,
  deleteNodesOfCluster,
  drainNodesOf,
  type NodesObservation,
  type Pipeline,
} from '../../src/pipeline/index.js';
import { observedEtcd } from '../../src/task/etcd/membership.fixture.js';
import { clusterOf, exampleClusters, planContext } from '../../src/task/plan-context.fixture.js';
import { planText } from './plan-text.js';

const updating = process.env.KUBEXM_UPDATE_GOLDEN === '1';
const serving = { leftovers: ['/etc/kubernetes/admin.conf', '/etc/kubernetes/kubelet.conf', '/var/lib/kubexm'] };
const cluster = clusterOf(exampleClusters().get('ha-stacked-etcd') ?? '');
const running = (...hosts: string[]) =>
  planContext(cluster, { facts: Object.fromEntries(hosts.map((host) => [host, serving])) });
const etcd = (...hosts: string[]) => observedEtcd(running(), hosts.map((host) => ({ host })));
const drain = { timeoutSeconds: 600, evictUnmanaged: false };

const names = [...new Set([...cluster.spec.roleGroups['control-plane'], ...cluster.spec.roleGroups.worker])];
const observed: NodesObservation = {
  objects: names.map((name) => ({
    metadata: { name },
    spec: {},
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  })),
  nodes: [],
  failures: [],
};
const leaving = (node: string) =>
  deleteNodesOfCluster({
    nodes: [node],
    observed,
    etcd: etcd('m1', 'm2', 'm3'),
    snapshot: true,
    drain,
    wipeData: false,
  });

// Paths that begin with ~ must not tell where the tests run.
beforeEach(() => {
  vi.stubEnv('HOME', '/home/user');
});

test.each<[string, Pipeline, ReturnType<typeof running>]>([
  ['node-add-worker', addNodesToCluster({ hosts: ['w1'] }), running('m1', 'm2', 'm3')],
  [
    'node-add-control-plane',
    addNodesToCluster({ hosts: ['m3'], etcd: { observed: etcd('m1', 'm2'), snapshot: true } }),
    running('m1', 'm2', 'w1'),
  ],
  ['node-delete-worker', leaving('w1'), running(...names)],
  ['node-delete-control-plane', leaving('m1'), running(...names)],
  ['node-drain', drainNodesOf({ nodes: ['w1'], ...drain }), running(...names)],
])('the plan of %s is the one that was read and agreed to', async (name, pipeline, ctx) => {
  const path = join(import.meta.dirname, `${name}.operation.txt`);
  const actual = planText(pipeline.plan(ctx));
  if (updating) await writeFile(path, actual);
  expect(actual, 'if that is wanted: KUBEXM_UPDATE_GOLDEN=1 npx vitest run test/golden, then read the diff').toBe(
    await readFile(path, 'utf8'),
  );
});
