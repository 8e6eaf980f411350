import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { parseDocument } from 'yaml';
import { upgradeOfCluster, upgradePath, upgradeStages } from '../../src/pipeline/index.js';
import { clusterOf, exampleClusters, planContext } from '../../src/task/plan-context.fixture.js';
import { observedUpgrade } from '../../src/task/upgrade/upgrade.fixture.js';
import { planText } from './plan-text.js';

const updating = process.env.KUBEXM_UPDATE_GOLDEN === '1';
const text = exampleClusters().get('ha-stacked-etcd') ?? '';
const serving = { leftovers: ['/etc/kubernetes/admin.conf', '/etc/kubernetes/kubelet.conf'] };

function clusterAs(version: string) {
  const document = parseDocument(text);
  document.setIn(['spec', 'kubernetes', 'version'], version);
  return clusterOf(document.toString());
}

// Paths that begin with ~ must not tell where the tests run.
beforeEach(() => {
  vi.stubEnv('HOME', '/home/user');
});

test('the plan of an upgrade over two minors is the one that was read and agreed to', async () => {
  const from = clusterAs('v1.33.13');
  const nodes = from.spec.hosts.filter(({ roles }) => roles.some((role) => role !== 'etcd')).map(({ name }) => name);
  const ctx = planContext(from, { facts: Object.fromEntries(nodes.map((name) => [name, serving])) });
  const { 'control-plane': controlPlanes, worker } = from.spec.roleGroups;
  const version = 'v1.33.13';
  const observed = observedUpgrade(ctx, version, { etcd: '3.5.26' });
  const running = { controlPlanes: controlPlanes.map(() => version), kubelets: nodes.map(() => version) };
  const path = upgradePath({ running, to: 'v1.35.4', via: ['v1.34.4'] });
  const canary = worker.find((name) => !controlPlanes.includes(name)) ?? '';
  const graph = upgradeOfCluster({
    observed,
    clusters: new Map(path.map((each) => [each, clusterAs(each)])),
    from,
    stages: upgradeStages(ctx, { observed, path, canary }),
    atOnce: 2,
    certificateRenewal: true,
    drainSeconds: 600,
  }).plan(ctx);
  const file = join(import.meta.dirname, 'cluster-upgrade.operation.txt');
  const actual = planText(graph);
  if (updating) await writeFile(file, actual);
  expect(actual, 'if that is wanted: KUBEXM_UPDATE_GOLDEN=1 npx vitest run test/golden, then read the diff').toBe(
    await readFile(file, 'utf8'),
  );
});
