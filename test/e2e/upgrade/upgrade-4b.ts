import assert from 'node:assert/strict';
import { ensureMirrored, startLabHost } from '../../../lab/index.js';
import { apiAddresses, labAddress, loseControlPlane, whoHas } from '../harness/endpoint.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';

export const upgrade4b = scenario({
  id: 'upgrade-4b',
  title: 'kube-vip: made from nothing, and the control plane that has the address dies',
  hosts: 4,
  timeoutMinutes: 20,
  async run(t) {
    await ensureMirrored([{ component: 'kube-vip', version: 'v0.9.1' }], { log: (line) => t.log(line) });
    const controlPlanes = t.hostNames.slice(0, 3);
    const [worker = ''] = t.hostNames.slice(3);
    const controlPlaneEndpoint = { type: 'kube-vip', address: labAddress };
    await t.clusterYaml({ controlPlanes: 3, etcd: 3, workers: 1, overrides: { controlPlaneEndpoint } });
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', `${(ms / 1000).toFixed(1)} s`);
    await assertClusterHealthy(t, { nodes: t.hostNames });
    assert.deepEqual(await apiAddresses(t, worker), [labAddress]);
    const again = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.match(again.stdout, /nothing to change/i);

    const [holder = ''] = await whoHas(t, controlPlanes);
    t.measure('the address is at', holder);
    await loseControlPlane(t, { victim: holder, controlPlanes, askers: [worker], address: labAddress });
    const left = controlPlanes.filter((name) => name !== holder);
    assert.equal((await whoHas(t, left)).length, 1, 'one of those that are left has the address');

    await startLabHost(holder);
    await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 180_000 });
    assert.equal((await whoHas(t, controlPlanes)).length, 1, 'one control plane has the address');
  },
});
