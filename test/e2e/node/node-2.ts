import assert from 'node:assert/strict';
import { seeded } from '../create/create-5.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import { seconds } from '../harness/tools.js';

const moments = Number(process.env['KUBEXM_E2E_RANDOM_MOMENTS'] ?? 10);

export const node2 = scenario({
  id: 'node-2',
  title: 'created by half and killed with -9 at any moment, a cluster can be deleted, and created again',
  hosts: 2,
  timeoutMinutes: 40,
  async run(t) {
    const topology = { controlPlanes: 1, workers: 1 };
    const random = seeded(t, Number(process.env['KUBEXM_E2E_SEED'] ?? Date.now() % 1_000_000));
    const wipe = ['cluster', 'delete', '--wipe-data', '--yes'];
    await t.clusterYaml(topology);
    for (let n = 0; n < moments; n += 1) {
      const { name, when } = random(topology);
      const begun = performance.now();
      const killed = await t.kubexm(['cluster', 'create', '--yes'], {
        killAfter: { when: async () => when([], performance.now() - begun) },
      });
      const deleted = await t.kubexm(wipe);
      const what = killed.killed ? `killed ${name}` : `created in ${seconds(killed.ms)}`;
      assert.equal(deleted.exitCode, 0, `${what}: delete\n${deleted.stdout}\n${deleted.stderr}\n(${deleted.logPath})`);
      const created = await t.kubexm(['cluster', 'create', '--yes']);
      assert.equal(created.exitCode, 0, `${what}: create\n${created.stdout}\n${created.stderr}\n(${created.logPath})`);
      await assertClusterHealthy(t, { nodes: t.hostNames });
      t.measure(what, `deleted in ${seconds(deleted.ms)}, created again in ${seconds(created.ms)}`);
      await t.kubexmOk(wipe);
    }
  },
});
