import assert from 'node:assert/strict';
import { ensureMirrored, resetLabHost } from '../../../lab/index.js';
import { etcdLeader, etcdVersions } from '../harness/etcd.js';
import { startEtcdWriter } from '../harness/etcd-writer.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

const topology = { controlPlanes: 1, etcd: 3, workers: 0 };

export const etcd1b = scenario({
  id: 'etcd-1b',
  title: 'etcd goes from 3.5.35 and from 3.6.0 to 3.6.14, and is defragmented, and a steady writer loses nothing',
  hosts: 3,
  timeoutMinutes: 25,
  async run(t) {
    await ensureMirrored(
      ['v3.5.35', 'v3.6.0'].map((version) => ({ component: 'etcd', version })),
      { log: (line) => t.log(line) },
    );
    await upgraded(t, 'v3.5.35', 'v3.6.14');
    await Promise.all(t.hostNames.map((host) => resetLabHost(host)));
    await t.command(['rm', '-rf', '.kubexm']);
    await upgraded(t, 'v3.6.0', 'v3.6.14');
  },
});

async function upgraded(t: ScenarioTools, from: string, to: string): Promise<void> {
  await t.clusterYaml({ ...topology, versions: { etcd: from } });
  await t.kubexmOk(['cluster', 'create', '--yes']);
  assert.deepEqual(new Set(await etcdVersions(t, t.hostNames)), new Set([from]));

  // The version in the config alone changes nothing.
  await t.clusterYaml({ ...topology, versions: { etcd: to } });
  const starts = await startTimes(t);
  const refused = await t.kubexm(['cluster', 'create', '--yes']);
  assert.equal(refused.exitCode, 4, `cluster create with another version of etcd\n${refused.stderr}`);
  assert.match(refused.stderr, new RegExp(`kubexm etcd upgrade --to ${to}`));
  assert.deepEqual(await startTimes(t), starts, 'no member was restarted by cluster create');

  const leader = await etcdLeader(t, t.hostNames);
  const writer = await startEtcdWriter(t, { hosts: t.hostNames });
  const { ms } = await writer.during(`${from} to ${to}`, () => t.kubexmOk(['etcd', 'upgrade', '--yes']));
  t.measure(`etcd upgrade from ${from} to ${to}`, `${(ms / 1000).toFixed(1)} s`);
  assert.deepEqual(await etcdVersions(t, t.hostNames), [to, to, to]);
  const { events } = await t.journal({ graph: 'upgrade-etcd' });
  const order = events.flatMap((event) =>
    event.type === 'job-finished' && event.node.includes('/upgrade-members/upgrade-') ? [event.host] : [],
  );
  assert.equal(order.length, 3);
  assert.equal(order.at(-1), leader, 'the leader is upgraded last');

  await writer.during(`defrag of all members with ${to}`, () => t.kubexmOk(['etcd', 'defrag', '--all', '--yes']));
  await writer.verify();
  await t.kubexmOk(['etcd', 'health']);

  const again = await t.kubexmOk(['etcd', 'upgrade', '--yes']);
  assert.match(again.stdout, /nothing to change/i, 'a second upgrade has nothing to do');
  const created = await t.kubexmOk(['cluster', 'create', '--yes']);
  assert.match(created.stdout, /nothing to change/i, 'cluster create finds etcd as the config wants it');
  const back = await t.kubexm(['etcd', 'upgrade', '--to', from, '--yes']);
  assert.equal(back.exitCode, 4, `a downgrade is refused\n${back.stderr}`);
}

async function startTimes(t: ScenarioTools): Promise<string[]> {
  return Promise.all(t.hostNames.map((host) => t.onHost(host, 'systemctl show -p InvocationID etcd')));
}
