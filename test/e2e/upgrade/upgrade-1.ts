import assert from 'node:assert/strict';
import { ensureMirrored } from '../../../lab/index.js';
import { probeApi, probeApiAsOne } from '../harness/api-probe.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';
import { assertSettled, assertUpgraded, deployWeb, probeWeb } from '../harness/upgrade.js';

const versions = ['v1.33.13', 'v1.34.4', 'v1.35.4'] as const;
const topology = {
  controlPlanes: 3,
  etcd: 3,
  workers: 2,
  // Kubelets refuse cgroup v1 from 1.35 on; before, the setting is known and means nothing.
  overrides: { kubernetes: { kubelet: { extraConfig: { failCgroupV1: false } } } },
};

export const upgrade1 = scenario({
  id: 'upgrade-1',
  title: 'from 1.33 to 1.34 and to 1.35 with the API and a replicated Service always there',
  hosts: 5,
  timeoutMinutes: 60,
  async run(t) {
    await ensureMirrored(
      versions.map((version) => ({ component: 'kubernetes', version })),
      { log: (line) => t.log(line) },
    );
    const [first, ...further] = versions;
    await t.clusterYaml({ ...topology, versions: { kubernetes: first } });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    await deployWeb(t);
    for (const to of further) {
      await upgraded(t, to);
      await assertSettled(t, { version: to, topology });
    }
  },
});

async function upgraded(t: ScenarioTools, to: string): Promise<void> {
  const controlPlanes = t.hostNames.slice(0, 3);
  const each = await probeApi(t, { cluster: 'lab', controlPlanes });
  const one = await probeApiAsOne(t, { cluster: 'lab', controlPlanes });
  const web = await probeWeb(t, controlPlanes[0] ?? '');
  const { ms } = await t.kubexmOk(['cluster', 'upgrade', '--to', to, '--yes']);
  t.measure(`to ${to}`, `${(ms / 1000).toFixed(1)} s`);
  const { gapMs, leastReady } = await web.stop();
  t.measure('the Service', `longest gap ${(gapMs / 1000).toFixed(1)} s; at least ${leastReady} of 3 pods ready`);
  const api = await one.stop();
  t.measure('the API', `longest gap ${(api.gapMs / 1000).toFixed(1)} s; ${api.answers} answered, ${api.failures} not`);
  for (const alone of await each.stop())
    t.measure(`${alone.host} alone`, `longest gap ${(alone.gapMs / 1000).toFixed(1)} s`);
  assert.equal(api.failures, 0, 'requests that no apiserver answered');
  assert.ok(leastReady >= 2, `the budget asks for 2 pods; there were ${leastReady}`);
  await assertUpgraded(t, { version: to, controlPlanes });
  await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 60_000 });
}
