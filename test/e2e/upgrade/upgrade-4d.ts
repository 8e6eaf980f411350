import assert from 'node:assert/strict';
import { killLabHost, startLabHost } from '../../../lab/index.js';
import { askFromNode, labAddress, whoHas } from '../harness/endpoint.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';

export const upgrade4d = scenario({
  id: 'upgrade-4d',
  title:
    'two load balancers with a port of their own; the one that has the address dies; a deletion leaves nothing on them',
  hosts: 4,
  timeoutMinutes: 20,
  async run(t) {
    const [controlPlane = '', worker = '', ...balancers] = t.hostNames;
    await t.clusterYaml({
      overrides: {
        roleGroups: {
          etcd: [controlPlane],
          'control-plane': [controlPlane],
          worker: [worker],
          loadbalancer: balancers,
        },
        controlPlaneEndpoint: { type: 'keepalived', address: labAddress, port: 8443 },
      },
    });
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', `${(ms / 1000).toFixed(1)} s`);
    await assertClusterHealthy(t, { nodes: [controlPlane, worker] });
    const again = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.match(again.stdout, /nothing to change/i);
    const kubeconfig = await t.kubexmOk(['cluster', 'kubeconfig']);
    assert.ok(kubeconfig.stdout.includes(`https://${labAddress}:8443`), 'the kubeconfig has the virtual address');

    const [holder = ''] = await whoHas(t, balancers);
    const asking = askFromNode(t, worker, { seconds: 30, port: 8443 });
    await t.sleep(5000);
    await killLabHost(holder);
    const { longestGapMs, answered, failed } = await asking;
    t.measure(
      `${holder} killed, the API by its name from ${worker}`,
      `longest gap ${(longestGapMs / 1000).toFixed(1)} s; ${answered} answered, ${failed} not`,
    );
    assert.ok(longestGapMs < 15_000, `${worker} did not reach the API for ${longestGapMs} ms`);
    const left = balancers.filter((name) => name !== holder);
    assert.deepEqual(await whoHas(t, left), left);
    await startLabHost(holder);
    await t.eventually('the balancer is back, without the address', async () => {
      await t.onHost(holder, 'systemctl is-active kubexm-keepalived kubexm-haproxy');
      return true;
    });

    await t.kubexmOk(['cluster', 'delete', '--yes', '--wipe-data']);
    for (const host of balancers) {
      const traces = 'ls -d /etc/kubexm /etc/systemd/system/kubexm-* 2>/dev/null; ip -4 -o address | grep 10.99.0.200';
      assert.equal((await t.hostExec(host, traces)).stdout.trim(), '', `what is left on ${host}`);
    }
  },
});
