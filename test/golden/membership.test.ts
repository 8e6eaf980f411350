import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { addEtcdMembers, type Pipeline, removeEtcdMember, replaceEtcdMember } from '../../src/pipeline/index.js';
import { observedEtcd } from '../../src/task/etcd/membership.fixture.js';
import { clusterOf, exampleClusters, planContext } from '../../src/task/plan-context.fixture.js';
import { planText } from './plan-text.js';

const updating = process.env.KUBEXM_UPDATE_GOLDEN === '1';
const serving = { leftovers: ['/etc/kubernetes/admin.conf'] };
const ctx = planContext(clusterOf(exampleClusters().get('ha-separate-etcd') ?? ''), {
  facts: { m1: serving, m2: serving },
});
const basis = (...hosts: readonly string[]) => ({
  observed: observedEtcd(ctx, hosts.map((host) => ({ host, healthy: !host.startsWith('dead') }))),
  snapshot: true,
});

// Paths that begin with ~ must not tell where the tests run.
beforeEach(() => {
  vi.stubEnv('HOME', '/home/user');
});

test.each<[string, Pipeline]>([
  ['etcd-add-member', addEtcdMembers({ ...basis('etcd1', 'etcd2'), hosts: ['etcd3'] })],
  ['etcd-remove-member', removeEtcdMember({ ...basis('etcd1', 'etcd2', 'etcd3'), which: 'etcd3', wipeData: false })],
  ['etcd-replace-member', replaceEtcdMember({ ...basis('etcd1', 'etcd2', 'dead'), old: 'dead', by: 'etcd3', wipeData: false })],
])('the plan of %s is the one that was read and agreed to', async (name, pipeline) => {
  const path = join(import.meta.dirname, `${name}.operation.txt`);
  const actual = planText(pipeline.plan(ctx));
  if (updating) await writeFile(path, actual);
  expect(actual, 'if that is wanted: KUBEXM_UPDATE_GOLDEN=1 npx vitest run test/golden, then read the diff').toBe(
    await readFile(path, 'utf8'),
  );
});
