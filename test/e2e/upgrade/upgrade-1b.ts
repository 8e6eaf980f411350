import assert from 'node:assert/strict';
import { ensureMirrored } from '../../../lab/index.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import { assertSettled, assertUpgraded } from '../harness/upgrade.js';

const [from, between, to] = ['v1.33.13', 'v1.34.4', 'v1.35.4'] as const;
const topology = {
  controlPlanes: 1,
  workers: 2,
  // Kubelets refuse cgroup v1 from 1.35 on; before, the setting is known and means nothing.
  overrides: { kubernetes: { kubelet: { extraConfig: { failCgroupV1: false } } } },
};

export const upgrade1b = scenario({
  id: 'upgrade-1b',
  title: `one plan from ${from} over ${between} to ${to}, with a canary, a pause after it, and what is left in one go`,
  hosts: 3,
  timeoutMinutes: 30,
  async run(t) {
    await ensureMirrored(
      [from, between, to].map((version) => ({ component: 'kubernetes', version })),
      { log: (line) => t.log(line) },
    );
    const [controlPlane = '', canary = '', last = ''] = t.hostNames;
    const kubelets = async () =>
      (await t.kubectl('get nodes -o jsonpath={.items[*].status.nodeInfo.kubeletVersion}')).trim().split(' ');

    // Without the setting for cgroup v1 it ends before it begins, as the last of the versions would refuse the hosts.
    await t.clusterYaml({ controlPlanes: 1, workers: 2, versions: { kubernetes: from } });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    const refused = await t.kubexm(['cluster', 'upgrade', '--to', to, '--yes']);
    assert.equal(refused.exitCode, 4, refused.stderr);
    assert.match(
      refused.stderr.replaceAll(/\s+/g, ' '),
      /add to the config: spec\.kubernetes\.kubelet\.extraConfig\.failCgroupV1: false/,
    );

    await t.clusterYaml({ ...topology, versions: { kubernetes: from } });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    const upgrade = ['cluster', 'upgrade', '--to', to, '--canary', canary, '--yes'];
    const paused = await t.kubexmOk([...upgrade, '--pause-after', 'canary']);
    t.measure('until the pause', `${(paused.ms / 1000).toFixed(1)} s`);
    assert.match(paused.stderr, new RegExp(`Kubernetes to ${between}, then ${to}`));
    assert.match(paused.stderr, new RegExp(`Paused after the canary of ${between}`));
    assert.deepEqual(await kubelets(), [between, between, from]);
    // What came to every node with the control plane was there before.
    const images = await t.onHost(last, '/usr/local/bin/ctr -n k8s.io images ls -q');
    assert.match(images, new RegExp(`kube-proxy:${between}`));

    const { ms } = await t.kubexmOk(upgrade);
    t.measure(`from the pause to ${to}`, `${(ms / 1000).toFixed(1)} s`);
    await assertUpgraded(t, { version: to, controlPlanes: [controlPlane] });
    await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 60_000 });
    await assertSettled(t, { version: to, topology });
  },
});
