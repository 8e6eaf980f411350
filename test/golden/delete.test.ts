import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { deletionOfCluster } from '../../src/pipeline/index.js';
import { clusterOf, exampleClusters, planContext } from '../../src/task/plan-context.fixture.js';
import { planText } from './plan-text.js';

const updating = process.env.KUBEXM_UPDATE_GOLDEN === '1';
const cluster = clusterOf(exampleClusters().get('ha-separate-etcd') ?? '');
const touched = { leftovers: ['/var/lib/kubexm'] };
const hosts = cluster.spec.hosts.map(({ name }) => name);

// Paths that begin with ~ must not tell where the tests run.
beforeEach(() => {
  vi.stubEnv('HOME', '/home/user');
});

test('the plan of a deletion is the one that was read and agreed to', async () => {
  const path = join(import.meta.dirname, 'cluster-delete.operation.txt');
  const ctx = planContext(cluster, { facts: Object.fromEntries(hosts.map((host) => [host, touched])) });
  const actual = planText(deletionOfCluster({ wipeData: false, purgePackages: false }).plan(ctx));
  if (updating) await writeFile(path, actual);
  expect(actual, 'if that is wanted: KUBEXM_UPDATE_GOLDEN=1 npx vitest run test/golden, then read the diff').toBe(
    await readFile(path, 'utf8'),
  );
});

test('where kubexm never was, there is nothing to do but to look', () => {
  const { nodes } = deletionOfCluster({ wipeData: true, purgePackages: true }).plan(planContext(cluster));
  expect(nodes.map(({ id }) => id)).toEqual([
    'delete-cluster/preflight/guard-ownership/host',
    'delete-cluster/cluster/delete-cluster/retire-keys',
  ]);
});
