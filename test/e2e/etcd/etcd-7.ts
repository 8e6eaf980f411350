import assert from 'node:assert/strict';
import { etcdctl } from '../harness/etcd.js';
import { startEtcdWriter } from '../harness/etcd-writer.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

export const etcd7 = scenario({
  id: 'etcd-7',
  title:
    'etcd out of space takes writes again after one command; where the data fills the quota, a larger one is brought',
  hosts: 3,
  timeoutMinutes: 15,
  async run(t) {
    const [first = ''] = t.hostNames;
    const quota = (quotaBackendBytes: string, others = {}) => ({
      controlPlanes: 1,
      etcd: 3,
      workers: 0,
      overrides: { etcd: { performance: { quotaBackendBytes, ...others } } },
    });
    await t.clusterYaml(quota('40Mi'));
    await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.equal((await t.kubexm(['etcd', 'alarms'])).exitCode, 0, 'no alarm yet');

    // One key over and over: history, which compaction drops.
    await fill(t, first, 'same');
    const alarms = await t.kubexm(['etcd', 'alarms']);
    assert.equal(alarms.exitCode, 3);
    assert.match(alarms.stdout, /NOSPACE/);
    assert.match(alarms.stderr, /kubexm etcd recover-space/);
    const { ms, stdout } = await t.kubexmOk(['etcd', 'recover-space', '--yes']);
    t.measure('recover-space of history', `${(ms / 1000).toFixed(1)} s`);
    t.log(stdout.trim().split('\n').slice(-3).join('; '));
    await etcdctl(t, first, 'put after-the-alarm x');
    await t.kubexmOk(['etcd', 'health']);

    // Data itself: nothing that kubexm may drop.
    // A file has holes when the alarm comes, so the first recoveries still win some room.
    let full = await fillAndRecover(t, first, 'a');
    for (const name of ['b', 'c', 'd', 'e']) if (full.exitCode === 0) full = await fillAndRecover(t, first, name);
    assert.notEqual(full.exitCode, 0, 'the data itself fills the quota');
    assert.match(full.stderr, /raise spec\.etcd\.performance\.quotaBackendBytes/);
    await t.clusterYaml(quota('120Mi'));
    const raised = await t.kubexmOk(['etcd', 'recover-space', '--yes']);
    t.measure('recover-space with a larger quota', `${(raised.ms / 1000).toFixed(1)} s`);
    await etcdctl(t, first, 'put after-the-quota x');
    assert.equal((await t.kubexm(['etcd', 'alarms'])).exitCode, 0);

    const create = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.match(create.stdout, /nothing to change/i, 'the quota is there already');

    // A changed setting restarts one member after the other, and each only while the others serve.
    const starts = () => Promise.all(t.hostNames.map((host) => t.onHost(host, 'systemctl show -p InvocationID etcd')));
    const before = await starts();
    await t.clusterYaml(quota('120Mi', { snapshotCount: 5000 }));
    const writer = await startEtcdWriter(t, { hosts: t.hostNames });
    await writer.during('a changed setting of all members', () => t.kubexmOk(['cluster', 'create', '--yes']));
    await writer.verify();
    const after = await starts();
    assert.ok(
      after.every((start, index) => start !== before[index]),
      'every member has the new setting',
    );
  },
});

async function fillAndRecover(t: ScenarioTools, host: string, name: string) {
  await fill(t, host, `${name}$i`);
  return t.kubexm(['etcd', 'recover-space', '--yes']);
}

/** Puts values of a megabyte until etcd refuses. `key`: its name; $i counts. */
async function fill(t: ScenarioTools, host: string, key: string): Promise<void> {
  const pki = '/etc/etcd/pki';
  const put = `etcdctl --endpoints=https://127.0.0.1:2379 --cacert=${pki}/ca.pem --cert=${pki}/admin.pem --key=${pki}/admin-key.pem put fill/${key}`;
  const script = `head -c 1000000 /dev/zero | tr '\\0' x > /tmp/value
i=0; while [ $i -lt 200 ] && ${put} < /tmp/value >/dev/null 2>/tmp/refused; do i=$((i+1)); done
rm -f /tmp/value; cat /tmp/refused; echo "$i values"`;
  const said = await t.onHost(host, script, { timeoutMs: 240_000 });
  assert.match(said, /database space exceeded/, said);
  t.log(`filled with ${said.trim().split('\n').at(-1) ?? ''}`);
}
