import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labState } from '../../../lab/index.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';

export const create1 = scenario({
  id: 'create-1',
  title: 'lab demo brings up three hosts and ends with three Ready nodes and all pods Running',
  core: true,
  hosts: 3,
  needs: 'absent',
  provides: 'cluster-3',
  // On a machine with nothing cached it builds the lab's files and images first.
  timeoutMinutes: 60,
  async run(t) {
    const { stdout, ms } = await t.kubexmOk(['lab', 'demo'], { timeoutMs: 55 * 60_000 });
    const lab = await labState();
    assert.equal(lab.hosts.length, 3);
    await assertClusterHealthy(t, { nodes: lab.hosts.map(({ name }) => name), on: lab.hosts[0]?.name ?? '' });

    const shown = stdout.split('\n');
    assert.equal(shown.filter((line) => /\sReady\s/.test(line)).length, 3, `three Ready nodes are shown:\n${stdout}`);
    assert.ok(shown.filter((line) => /\sRunning\s/.test(line)).length >= 10, `the pods are shown:\n${stdout}`);
    for (const expected of [/^Kubeconfig: .*kubeconfig$/m, /^Take down: .*kubexm lab down$/m])
      assert.match(stdout, expected);

    t.measure('lab demo', `${(ms / 1000).toFixed(1)} s`);
    const phases = shown.findIndex((line) => line.startsWith('Time of each phase'));
    assert.ok(phases >= 0, `the time of each phase is shown:\n${stdout}`);
    for (const line of shown.slice(phases + 1, shown.indexOf('', phases))) t.log(line.trimEnd());

    const { events } = await t.journal({ graph: 'create-cluster' });
    const end = events.find((event) => event.type === 'run-finished');
    assert.ok(end, 'the journal says that the run ended');
    t.provide({ ms: end.ms });
    await copyFile(lab.clusterYamlPath, join(t.dir, 'cluster.yaml'));
  },
});
