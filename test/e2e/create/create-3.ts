import assert from 'node:assert/strict';
import { probeApi } from '../harness/api-probe.js';
import { sharedClusters } from '../harness/clusters.js';
import { etcdctl, etcdLeader, etcdVoters } from '../harness/etcd.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { assertRoles, usedMemory } from '../harness/nodes.js';
import { scenario } from '../harness/scenario.js';

export const create3 = scenario({
  id: 'create-3',
  title: 'three control planes with etcd on them and two workers; the API outlives the etcd of one of them',
  core: true,
  hosts: 5,
  provides: 'cluster-5',
  async run(t) {
    const controlPlanes = t.hostNames.slice(0, 3);
    const workers = t.hostNames.slice(3);
    await t.clusterYaml(sharedClusters['cluster-5'].topology);
    const memory = await usedMemory();
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', `${(ms / 1000).toFixed(1)} s`);
    t.measure('memory of the five hosts', `${(await usedMemory()) - memory} MiB`);
    t.provide({ ms });
    await assertClusterHealthy(t, { nodes: t.hostNames });
    await assertRoles(t, { controlPlanes, workers });
    for (const name of controlPlanes)
      assert.deepEqual(await etcdVoters(t, name), controlPlanes, `voters that ${name} sees`);

    // Losing the leader is the hardest: the others must elect one first.
    const leader = await etcdLeader(t, controlPlanes);
    const follower = controlPlanes.find((name) => name !== leader) ?? '';
    for (const [victim, role] of [
      [follower, 'follower'],
      [leader, 'leader'],
    ] as const) {
      const probe = await probeApi(t, { cluster: 'lab', controlPlanes });
      await t.sleep(1000);
      await t.onHost(victim, 'systemctl kill -s KILL etcd; systemctl stop etcd');
      await t.sleep(8000);
      const results = await probe.stop();
      for (const { host, answers, failures, gapMs } of results) {
        const where = `etcd of ${victim} (${role}) killed, writes through ${host}`;
        t.measure(where, `longest gap ${(gapMs / 1000).toFixed(1)} s; ${answers} answered, ${failures} not`);
        assert.ok(gapMs < 10_000, `${where}: no answer for ${(gapMs / 1000).toFixed(1)} s`);
      }
      // The same command puts it right: it starts what is down, and the member catches up.
      const { ms: repairMs } = await t.kubexmOk(['cluster', 'create', '--yes']);
      t.measure(`cluster create with the etcd of ${victim} down`, `${(repairMs / 1000).toFixed(1)} s`);
      await t.eventually(`etcd of ${victim} is healthy`, async () => {
        await etcdctl(t, victim, 'endpoint health --cluster');
        return true;
      });
      assert.deepEqual(await etcdVoters(t, victim), controlPlanes);
    }
    await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 60_000 });
  },
});
