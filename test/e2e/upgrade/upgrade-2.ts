import assert from 'node:assert/strict';
import { ensureMirrored } from '../../../lab/index.js';
import { acting } from '../harness/killed.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';
import { assertSettled, assertUpgraded } from '../harness/upgrade.js';

const from = 'v1.33.13';
const to = 'v1.34.4';
const topology = { controlPlanes: 3, etcd: 3, workers: 2 };
const upgrade = ['cluster', 'upgrade', '--to', to, '--yes'];
const dropIn = '/etc/systemd/system/kubelet.service.d/90-scenario.conf';

export const upgrade2 = scenario({
  id: 'upgrade-2',
  title: 'an upgrade that is killed goes on; a kubelet that does not start stops it, with the old one back',
  hosts: 5,
  timeoutMinutes: 40,
  async run(t) {
    await ensureMirrored([{ component: 'kubernetes', version: from }], { log: (line) => t.log(line) });
    const [, second = '', , worker = '', last = ''] = t.hostNames;
    await t.clusterYaml({ ...topology, versions: { kubernetes: from } });
    await t.kubexmOk(['cluster', 'create', '--yes']);

    // The new kubelet, and only that one, cannot start on the last worker.
    const condition = `! /usr/local/bin/kubelet --version | grep -q ${to}`;
    await t.onHost(
      last,
      `cat >${dropIn} <<'END'\n[Service]\nExecStartPre=/bin/sh -c "${condition}"\nEND\nsystemctl daemon-reload`,
    );

    await killed(t, `/control-plane-${second}`, second);
    await killed(t, `/node-${worker}/kubelet`, worker);

    const stopped = await t.kubexm(upgrade);
    t.measure('until the kubelet that does not start was put back', `${(stopped.ms / 1000).toFixed(1)} s`);
    assert.equal(stopped.exitCode, 3, `one worker is through, one is not\n${stopped.stderr}`);
    assert.match(
      `${stopped.stdout}${stopped.stderr}`.replaceAll(/\s+/g, ' '),
      new RegExp(`${last}: the kubelet ${to} does not come up; ${from} was put back and works`),
    );
    assert.match(await t.onHost(last, '/usr/local/bin/kubelet --version'), new RegExp(from));
    assert.equal(await t.onHost(last, 'systemctl is-active kubelet'), 'active\n');
    assert.equal((await t.kubectl('get --raw=/readyz')).trim(), 'ok', 'the cluster serves');

    await t.onHost(last, `rm ${dropIn}; systemctl daemon-reload`);
    await t.kubexmOk(upgrade);
    await assertUpgraded(t, { version: to, controlPlanes: t.hostNames.slice(0, 3) });
    await assertSettled(t, { version: to, topology });
  },
});

/** Kills the upgrade while it is at work on a host. */
async function killed(t: ScenarioTools, node: string, host: string): Promise<void> {
  const before = await t.journal({ graph: 'upgrade-cluster' }).catch(() => undefined);
  const result = await t.kubexm(upgrade, {
    killAfter: {
      when: async () => {
        const run = await t.journal({ graph: 'upgrade-cluster' }).catch(() => undefined);
        return run !== undefined && run.runDir !== before?.runDir && acting(run.events, node, { host, forMs: 1500 });
      },
    },
  });
  assert.ok(result.killed, `${node}: the moment did not come; the run ended with ${result.exitCode}\n${result.stderr}`);
  assert.equal((await t.kubectl('get --raw=/readyz')).trim(), 'ok', 'the cluster serves');
}
