import assert from 'node:assert/strict';
import { killLabHost } from '../../../lab/index.js';
import { assertApiserverEndpoints, assertVoters, etcdYaml, listedMembers } from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';

export const etcd3 = scenario({
  id: 'etcd-3',
  title: 'a removal that would cost the quorum is refused with the arithmetic; a dead member is removed',
  hosts: 3,
  async run(t) {
    const [first = '', second = '', third = ''] = t.hostNames;
    await etcdYaml(t, { etcd: t.hostNames, controlPlanes: [first] });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    const refused = async (name: string, arithmetic: RegExp) => {
      const before = await listedMembers(t, first);
      const { exitCode, stderr, ms } = await t.kubexm(['etcd', 'remove-member', name, '--yes']);
      assert.equal(exitCode, 4, `remove-member ${name}: ${stderr}`);
      assert.match(stderr, arithmetic);
      assert.deepEqual(await listedMembers(t, first), before, 'nothing was changed');
      t.measure(`remove-member ${name} refused`, `${(ms / 1000).toFixed(1)} s`);
    };

    await killLabHost(third);
    await refused(
      second,
      /now: 2 of 3 voters healthy, quorum 2[\s\S]*after: 1 of 2 voters healthy, quorum 2; no quorum/,
    );
    const { ms, stderr } = await t.kubexmOk(['etcd', 'remove-member', third, '--yes']);
    t.measure('the dead member removed', `${(ms / 1000).toFixed(1)} s`);
    assert.match(stderr, /after: 2 of 2 voters healthy, quorum 2; none may fail/);
    assert.match(stderr, /cannot be reached, and is not cleaned/);
    const again = await t.kubexmOk(['etcd', 'remove-member', third, '--yes']);
    assert.match(again.stderr, /no member of etcd any more/);
    await assertVoters(t, [first, second]);
    await assertApiserverEndpoints(t, { controlPlanes: [first], members: [first, second] });

    await etcdYaml(t, { etcd: [first, second], controlPlanes: [first] });
    await t.kubexmOk(['etcd', 'remove-member', second, '--yes', '--wipe-data']);
    const data = await t.onHost(
      second,
      'ls -d /var/lib/etcd/* /var/lib/etcd.* /etc/etcd/etcd.yaml 2>/dev/null || true',
    );
    assert.equal(data, '', `data and config that are left on ${second}`);
    await etcdYaml(t, { etcd: [first], controlPlanes: [first] });
    await refused(first, /is the last member of etcd/);

    const stranger = await t.kubexm(['etcd', 'add-member', second]);
    assert.equal(stranger.exitCode, 2, stranger.stderr);
    assert.ok(stranger.stderr.includes(`etcd: [${first}, ${second}]`), `it says what to write:\n${stranger.stderr}`);
  },
});
