import assert from 'node:assert/strict';
import { assertClusterHealthy } from '../harness/kube.js';
import { assertRoles } from '../harness/nodes.js';
import { scenario } from '../harness/scenario.js';

const logins = [
  { login: 'sudo-password', how: 'a user with a key and a sudo password' },
  { login: 'password', how: 'a user with a password for login and sudo' },
  { login: 'key', how: 'root with a key' },
] as const;

export const create4 = scenario({
  id: 'create-4',
  title:
    'the same create succeeds as a sudo user with a password, by key and by password login, and as root with a key',
  hosts: 6,
  async run(t) {
    for (const [index, { login, how }] of logins.entries()) {
      const use = t.hostNames.slice(index * 2, index * 2 + 2);
      const [controlPlane = '', worker = ''] = use;
      await t.clusterYaml({ name: `as-${login}`, login, use, controlPlanes: 1, workers: 1 });
      const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
      t.measure(how, `${(ms / 1000).toFixed(1)} s`);
      await assertClusterHealthy(t, { nodes: use, on: controlPlane });
      await assertRoles(t, { controlPlanes: [controlPlane], workers: [worker] });

      // What the user cannot read must not look different to it.
      const again = await t.kubexmOk(['cluster', 'create', '--yes']);
      t.measure(`${how}, once more`, `${(again.ms / 1000).toFixed(1)} s`);
      const { events } = await t.journal({ graph: 'create-cluster' });
      assert.equal(
        events.find((event) => event.type === 'run-finished')?.totals.changed,
        0,
        'changed by the second run',
      );
      for (const host of use) {
        const foreign = await t.onHost(
          host,
          'find /etc/kubernetes /etc/etcd /etc/containerd /usr/local/bin /opt/cni /var/lib/kubexm /var/log/kubexm /etc/systemd/system ! -user root 2>/dev/null || true',
        );
        assert.equal(foreign, '', `files on ${host} that do not belong to root`);
        assert.equal(
          await t.onHost(host, 'find /home /tmp /var/tmp -newer /etc/machine-id -name "*kubexm*"'),
          '',
          'left behind',
        );
      }
    }
  },
});
