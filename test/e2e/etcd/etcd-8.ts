import assert from 'node:assert/strict';
import { etcdctl, etcdLeader } from '../harness/etcd.js';
import { assertApiserverEndpoints, assertNothingToChange, assertVoters, listedMembers } from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

export const etcd8 = scenario({
  id: 'etcd-8',
  title: 'the leader has the alarm CORRUPT: it is backed up beside, replaced by itself, and takes its alarm with it',
  hosts: 3,
  timeoutMinutes: 10,
  async run(t) {
    await t.clusterYaml({ controlPlanes: 1, etcd: 3, workers: 0 });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    const ill = await etcdLeader(t, t.hostNames);
    const [via = '', other = ''] = t.hostNames.filter((host) => host !== ill);
    const { id = '' } = (await listedMembers(t, via)).find(({ name }) => name === ill) ?? {};
    await raise(t, { via, id, alarm: 'CORRUPT' });

    const health = await t.kubexm(['etcd', 'health']);
    assert.equal(health.exitCode, 3, `etcd health under an alarm\n${health.stdout}${health.stderr}`);
    assert.match(health.stdout, /degraded \(3 of 3 voters healthy.*no writes while the alarm CORRUPT is raised/);
    const alarms = await t.kubexm(['etcd', 'alarms']);
    assert.match(`${alarms.stdout}${alarms.stderr}`, new RegExp(`kubexm etcd replace-member ${ill}`));

    const backup = await t.kubexmOk(['etcd', 'backup', '--yes']);
    assert.doesNotMatch(backup.stdout, new RegExp(`^on ${ill} `, 'm'), 'the snapshot is another one’s');
    const remove = await t.kubexm(['etcd', 'remove-member', other, '--yes']);
    assert.equal(remove.exitCode, 4, `a whole member leaves before the corrupt one\n${remove.stderr}`);
    const create = await t.kubexm(['cluster', 'create', '--yes']);
    assert.notEqual(create.exitCode, 0);
    assert.match(create.stderr, /etcd takes no writes: the alarm CORRUPT is raised/);

    const { ms } = await t.kubexmOk(['etcd', 'replace-member', ill, '--yes']);
    t.measure('the corrupt leader replaced by itself', `${(ms / 1000).toFixed(1)} s`);
    assert.equal((await etcdctl(t, via, 'alarm list')).trim(), '');
    await assertVoters(t, t.hostNames);
    assert.ok(
      (await listedMembers(t, via)).every((member) => member.id !== id),
      'it is another member now',
    );
    // Inside the directory where that is a mount point.
    const kept = await t.onHost(ill, "find /var/lib -maxdepth 2 -path '/var/lib/etcd*stale-*'");
    assert.match(kept, /stale-/, 'its data is kept');
    await etcdctl(t, via, 'put kubexm/test 1');
    await assertApiserverEndpoints(t, { controlPlanes: t.hostNames.slice(0, 1), members: t.hostNames });

    // What a removal by hand leaves behind: an alarm of nobody.
    await raise(t, { via, id, alarm: 'NOSPACE' });
    assert.match(
      (await t.kubexm(['etcd', 'health'])).stdout,
      new RegExp(`alarm NOSPACE of ${id}, which is no member any more`),
    );
    await t.kubexmOk(['etcd', 'backup', '--yes']);
    await t.kubexmOk(['etcd', 'recover-space', '--yes']);
    await t.kubexmOk(['etcd', 'health']);
    await assertNothingToChange(t, 'after all');
  },
});

/** As the member itself would, through the gateway of another one. `id`: hexadecimal. */
async function raise(
  t: ScenarioTools,
  { via, id, alarm }: { readonly via: string; readonly id: string; readonly alarm: string },
): Promise<void> {
  const pki = '/etc/etcd/pki';
  const body = JSON.stringify({ action: 'ACTIVATE', memberID: BigInt(`0x${id}`).toString(), alarm });
  await t.onHost(
    via,
    `curl -fsS --cacert ${pki}/ca.pem --cert ${pki}/admin.pem --key ${pki}/admin-key.pem -X POST https://127.0.0.1:2379/v3/maintenance/alarm -d '${body}'`,
  );
}
