import assert from 'node:assert/strict';
import { probeApi } from '../harness/api-probe.js';
import { etcdLeader, etcdVoters } from '../harness/etcd.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { assertRoles, usedMemory } from '../harness/nodes.js';
import { scenario } from '../harness/scenario.js';

export const create3b = scenario({
  id: 'create-3b',
  title: 'three control planes, three hosts for etcd alone and two workers; the API outlives the leading member’s host',
  hosts: 8,
  breaks: true,
  async run(t) {
    const controlPlanes = t.hostNames.slice(0, 3);
    const members = t.hostNames.slice(3, 6);
    const workers = t.hostNames.slice(6);
    await t.clusterYaml({
      overrides: { roleGroups: { etcd: members, 'control-plane': controlPlanes, worker: workers } },
    });
    const memory = await usedMemory();
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', `${(ms / 1000).toFixed(1)} s`);
    t.measure('memory of the eight hosts', `${(await usedMemory()) - memory} MiB`);
    await assertClusterHealthy(t, { nodes: [...controlPlanes, ...workers] });
    await assertRoles(t, { controlPlanes, workers });
    for (const name of members) assert.deepEqual(await etcdVoters(t, name), members, `voters that ${name} sees`);
    const leftover =
      'ls /usr/local/bin/kubelet /etc/kubernetes /var/lib/containerd/io.containerd.content.v1.content 2>/dev/null';
    for (const name of members)
      assert.equal((await t.hostExec(name, leftover)).stdout, '', `${name} has etcd and nothing of Kubernetes`);
    for (const name of [...controlPlanes, ...workers])
      assert.equal((await t.hostExec(name, 'ls /usr/local/bin/etcd 2>/dev/null')).stdout, '', `${name} has no etcd`);

    const leader = await etcdLeader(t, members);
    const probe = await probeApi(t, { cluster: 'lab', controlPlanes });
    await t.sleep(1000);
    await t.onHost(leader, 'systemctl kill -s KILL etcd; systemctl stop etcd');
    await t.sleep(8000);
    for (const { host, answers, failures, gapMs } of await probe.stop()) {
      const where = `etcd leader ${leader} killed, writes through ${host}`;
      t.measure(where, `longest gap ${(gapMs / 1000).toFixed(1)} s; ${answers} answered, ${failures} not`);
      assert.ok(gapMs < 10_000, `${where}: no answer for ${(gapMs / 1000).toFixed(1)} s`);
    }
  },
});
