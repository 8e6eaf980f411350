import assert from 'node:assert/strict';
import { ensureMirrored } from '../../../lab/index.js';
import { etcdLeader, etcdVersions } from '../harness/etcd.js';
import { startEtcdWriter } from '../harness/etcd-writer.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

const from = 'v3.5.35';
const to = 'v3.6.14';
const mark = '/var/lib/kubexm/etcd/upgrade.json';

export const etcd4b = scenario({
  id: 'etcd-4b',
  title:
    'a member that does not start goes back to its old etcd; an upgrade killed with -9 twice ends right when it is run again',
  hosts: 3,
  timeoutMinutes: 15,
  async run(t) {
    await ensureMirrored([{ component: 'etcd', version: from }], { log: (line) => t.log(line) });
    const topology = { controlPlanes: 1, etcd: 3, workers: 0 };
    await t.clusterYaml({ ...topology, versions: { etcd: from } });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    await t.clusterYaml({ ...topology, versions: { etcd: to } });
    const leader = await etcdLeader(t, t.hostNames);
    const [first = '', second = ''] = t.hostNames.filter((host) => host !== leader);
    const writer = await startEtcdWriter(t, { hosts: t.hostNames });
    const upgrade = ['etcd', 'upgrade', '--yes'];

    await dropIn(t, second, `ExecStartPre=/bin/sh -c '! /usr/local/bin/etcd --version | grep -q ${to.slice(1)}'`);
    const failed = await writer.during('a member that does not start', () => t.kubexm(upgrade));
    t.measure('the upgrade that failed and went back', `${(failed.ms / 1000).toFixed(1)} s`);
    assert.notEqual(failed.exitCode, 0);
    assert.match(failed.stderr, new RegExp(`${second} .*runs ${from} again`));
    assert.deepEqual(await etcdVersions(t, [first, second, leader]), [to, from, from]);
    assert.equal(await markOf(t, second), '', 'nothing is left of the upgrade that went back');

    await dropIn(t, second, 'ExecStopPost=/bin/sleep 4');
    await killed(t, upgrade, async () => (await stateOf(t, second)) === 'deactivating');
    await t.eventually(`etcd on ${second} has stopped`, async () => (await stateOf(t, second)) === 'inactive');
    assert.match(await programOf(t, second), new RegExp(from.slice(1)), 'stopped with the old program');
    assert.notEqual(await markOf(t, second), '');
    const create = await t.kubexm(['cluster', 'create', '--yes']);
    assert.equal(create.exitCode, 4, `cluster create in the middle of an upgrade\n${create.stderr}`);
    assert.match(create.stderr, /an upgrade of etcd to v3\.6\.14 was not finished/);

    await dropIn(t, second, 'ExecStartPre=/bin/sleep 5');
    await killed(t, upgrade, async () => (await stateOf(t, second)) === 'activating');
    await t.onHost(second, 'systemctl stop etcd');
    assert.match(await programOf(t, second), new RegExp(to.slice(1)), 'the new program, not started');

    await dropIn(t, second, '');
    const { ms } = await writer.during('the upgrade that was killed twice', () => t.kubexmOk(upgrade));
    t.measure('run again', `${(ms / 1000).toFixed(1)} s`);
    assert.deepEqual(await etcdVersions(t, t.hostNames), [to, to, to]);
    for (const host of t.hostNames) assert.equal(await markOf(t, host), '', `the mark on ${host}`);
    await writer.verify();
    await t.kubexmOk(['etcd', 'health']);
    const again = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.match(again.stdout, /nothing to change/i);
  },
});

async function killed(t: ScenarioTools, args: readonly string[], when: () => Promise<boolean>): Promise<void> {
  const run = await t.kubexm(args, { killAfter: { when } });
  assert.ok(run.killed, `the moment did not come; the run ended with ${run.exitCode}\n${run.stderr}`);
}

/** Lines of the unit's section Service; none: the drop-in goes. */
async function dropIn(t: ScenarioTools, host: string, lines: string): Promise<void> {
  const dir = '/etc/systemd/system/etcd.service.d';
  const script =
    lines === '' ? `rm -rf ${dir}` : `mkdir -p ${dir} && cat > ${dir}/test.conf <<'END'\n[Service]\n${lines}\nEND`;
  await t.onHost(host, `${script}\nsystemctl daemon-reload`);
}

async function stateOf(t: ScenarioTools, host: string): Promise<string> {
  return (await t.hostExec(host, 'systemctl is-active etcd')).stdout.trim();
}

async function programOf(t: ScenarioTools, host: string): Promise<string> {
  return t.onHost(host, '/usr/local/bin/etcd --version');
}

async function markOf(t: ScenarioTools, host: string): Promise<string> {
  return (await t.hostExec(host, `cat ${mark} 2>/dev/null`)).stdout;
}
