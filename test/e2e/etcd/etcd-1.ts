import assert from 'node:assert/strict';
import { killLabHost, resetLabHost } from '../../../lab/index.js';
import { etcdLeader } from '../harness/etcd.js';
import { startEtcdWriter } from '../harness/etcd-writer.js';
import { assertApiserverEndpoints, assertNothingToChange, assertVoters, etcdYaml } from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';

export const etcd1 = scenario({
  id: 'etcd-1',
  title: 'members come and go, one with its host killed, and no acknowledged write is lost',
  hosts: 5,
  timeoutMinutes: 20,
  async run(t) {
    const [first = '', ...others] = t.hostNames;
    const controlPlanes = [first];
    let members = t.hostNames.slice(0, 3);
    await etcdYaml(t, { etcd: members, controlPlanes });
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', `${(ms / 1000).toFixed(1)} s`);
    const writer = await startEtcdWriter(t, { hosts: members });
    await writer.during('quiet', () => t.sleep(3000));

    const change = async (what: string, args: readonly string[], after: readonly string[]) => {
      const run = await writer.during(what, () => t.kubexmOk(['etcd', ...args, '--yes']));
      t.measure(what, `${(run.ms / 1000).toFixed(1)} s`);
      members = [...after];
      writer.use(members);
      await assertVoters(t, members);
      await assertApiserverEndpoints(t, { controlPlanes, members });
      return run;
    };

    await etcdYaml(t, { etcd: t.hostNames, controlPlanes });
    await change('add two members', ['add-member', ...t.hostNames.slice(3)], t.hostNames);
    await assertNothingToChange(t, 'after two members were added');

    // The one that leads, and one that does not.
    const leader = await etcdLeader(t, members);
    const without = (...gone: readonly string[]) => members.filter((name) => !gone.includes(name));
    const removed = await change(`remove the leader ${leader}`, ['remove-member', leader], without(leader));
    const rest = members.join(', ');
    assert.ok(removed.stderr.includes(`etcd: [${rest}]`), `it says what to write into the config:\n${removed.stderr}`);
    const second = others.find((name) => members.includes(name)) ?? '';
    await change(`remove ${second}`, ['remove-member', second], without(second));
    for (const name of [leader, second]) {
      assert.equal((await t.hostExec(name, 'systemctl is-active etcd')).stdout.trim(), 'inactive', `etcd on ${name}`);
      const kept = await t.onHost(
        name,
        'ls -d /var/lib/etcd/removed-*/member /var/lib/etcd.removed-*/member 2>/dev/null || true',
      );
      assert.equal(kept.trim().split('\n').length, 1, `the data of ${name} are kept: ${kept}`);
    }
    await etcdYaml(t, { etcd: members, controlPlanes });
    await assertNothingToChange(t, 'after two members were removed');

    // One dies for good, and another host takes its place.
    const dead = members.find((name) => name !== first) ?? '';
    const spare = t.hostNames.find((name) => !members.includes(name) && name !== first) ?? '';
    await writer.during(`${dead} is killed`, async () => {
      await killLabHost(dead);
      await t.sleep(3000);
    });
    await etcdYaml(t, { etcd: [...without(dead), spare], controlPlanes });
    await change(
      `replace the dead ${dead} by ${spare}`,
      ['replace-member', dead, '--with', spare],
      [...without(dead), spare],
    );

    // One dies and comes back with an empty disk, under its name and address.
    const lost = members.find((name) => name !== first && name !== spare) ?? '';
    await writer.during(`${lost} loses its disk`, () => resetLabHost(lost));
    const refused = await t.kubexm(['cluster', 'create', '--yes']);
    assert.notEqual(refused.exitCode, 0, 'cluster create does not start a voter that lost its data');
    assert.match(refused.stderr, /replace-member/);
    await change(`replace ${lost} by itself`, ['replace-member', lost], members);
    await assertNothingToChange(t, 'after a member was replaced by itself');
    await writer.verify();
  },
});
