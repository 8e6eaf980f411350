import assert from 'node:assert/strict';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { killLabHost, startLabHost } from '../../../lab/index.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';

export const node1b = scenario({
  id: 'node-1b',
  title:
    'delete with a host down is refused or partly done; killed, it goes on; old keys and kept data do not hinder create',
  hosts: 2,
  async run(t) {
    const [first = '', second = ''] = t.hostNames;
    await t.clusterYaml({ controlPlanes: 1, workers: 1 });
    const work = join(t.dir, '.kubexm/lab');
    const ca = join(work, 'certs/kubernetes/ca.crt');
    await t.kubexmOk(['cluster', 'create', '--yes']);
    const firstCa = await readFile(ca, 'utf8');

    await killLabHost(second);
    const refused = await t.kubexm(['cluster', 'delete', '--yes']);
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.stderr, /nothing was changed/);
    assert.equal((await t.hostExec(first, 'systemctl is-active kubelet')).stdout.trim(), 'active');

    // In the middle of it, as long as it has not ended by itself.
    let begun = 0;
    await t.kubexm(['cluster', 'delete', '--yes', '--skip-unreachable'], {
      killAfter: {
        when: async () => {
          const { events } = await t.journal({ graph: 'delete-cluster' }).catch(() => ({ events: [] }));
          begun = events.filter((event) => event.type === 'job-finished').length;
          return begun > 8;
        },
      },
    });
    t.measure('jobs of the killed deletion', String(begun));
    const partly = await t.kubexm(['cluster', 'delete', '--yes', '--skip-unreachable']);
    assert.equal(partly.exitCode, 3, partly.stderr);
    assert.match(partly.stderr, new RegExp(`Not deleted from ${second}`));
    assert.equal(await readFile(ca, 'utf8'), firstCa, 'the keys stay as long as a host carries them');
    // A directory that is a mount cannot be renamed itself.
    const kept = await t.onHost(first, 'ls -d /var/lib/etcd*removed-* /var/lib/etcd/removed-* 2> /dev/null || true');
    assert.match(kept, /removed-/, 'the data of etcd are kept');
    await t.onHost(first, 'test -d /var/lib/containerd/io.containerd.content.v1.content');
    t.measure('kept aside', kept.trim().replaceAll('\n', ', '));

    await startLabHost(second);
    await t.kubexmOk(['cluster', 'delete', '--yes']);
    // The old keys, for whoever wants to go on with them.
    const [deleted = ''] = await readdir(join(work, 'deleted'));
    await rm(join(work, 'certs'), { recursive: true, force: true });
    await rename(join(work, 'deleted', deleted, 'certs'), join(work, 'certs'));
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('create with images and keys of the deleted cluster', `${(ms / 1000).toFixed(1)} s`);
    assert.equal(await readFile(ca, 'utf8'), firstCa);
    await assertClusterHealthy(t, { nodes: t.hostNames });
  },
});
