import assert from 'node:assert/strict';
import { startLabHost } from '../../../lab/index.js';
import { apiAddresses, loseControlPlane } from '../harness/endpoint.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';

export const upgrade4 = scenario({
  id: 'upgrade-4',
  title: 'one of three control planes dies: nodes reach the API through their own haproxy, users through another one',
  hosts: 5,
  timeoutMinutes: 20,
  async run(t) {
    const controlPlanes = t.hostNames.slice(0, 3);
    const workers = t.hostNames.slice(3);
    const [victim = ''] = controlPlanes;
    await t.clusterYaml({ controlPlanes: 3, etcd: 3, workers: 2 });
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', `${(ms / 1000).toFixed(1)} s`);
    await assertClusterHealthy(t, { nodes: t.hostNames });
    for (const host of workers) {
      const addresses = await apiAddresses(t, host);
      assert.equal(addresses[0], '127.0.0.1', `${host} asks ${addresses.join(' ')}`);
      await t.onHost(host, 'curl -sf http://127.0.0.1:18404/ready');
    }
    const again = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.match(again.stdout, /nothing to change/i);

    await loseControlPlane(t, { victim, controlPlanes, askers: [...workers, controlPlanes[1] ?? ''] });
    const { stdout, stderr } = await t.kubexmOk(['cluster', 'kubeconfig']);
    assert.match(stderr, /does not answer; the kubeconfig names/);
    const dead = t.hosts.find(({ name }) => name === victim)?.address ?? '';
    assert.ok(!stdout.includes(`https://${dead}:`), 'the kubeconfig still names the dead control plane');

    await startLabHost(victim);
    await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 180_000 });
  },
});
