import assert from 'node:assert/strict';
import type { EngineEvent } from '../../../src/engine/index.js';
import { acting, finished } from '../harness/killed.js';
import {
  assertApiserverEndpoints,
  assertNothingToChange,
  assertVoters,
  etcdYaml,
  listedMembers,
} from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';
import { seconds } from '../harness/tools.js';

type Events = readonly EngineEvent[];

export const etcd4 = scenario({
  id: 'etcd-4',
  title: 'an add-member that is killed with -9 half-way ends right when it is run again, and nothing is doubled',
  hosts: 5,
  timeoutMinutes: 20,
  async run(t) {
    const [first = '', notStarted = '', notPromoted = '', notTold = '', stale = ''] = t.hostNames;
    const controlPlanes = [first];
    const members = [first];
    await etcdYaml(t, { etcd: members, controlPlanes });
    await t.kubexmOk(['cluster', 'create', '--yes']);

    /** Kills `add-member` at the moment, runs it again, and says what the list showed in between. */
    const killed = async (
      name: string,
      what: string,
      when: (events: Events) => boolean | Promise<boolean>,
      prepare?: () => Promise<() => Promise<unknown>>,
    ) => {
      members.push(name);
      await etcdYaml(t, { etcd: members, controlPlanes });
      const restore = await prepare?.();
      const before = (await t.journal()).runDir;
      const run = await t.kubexm(['etcd', 'add-member', name, '--yes'], {
        killAfter: {
          async when() {
            const { runDir, events } = await t.journal({ graph: 'add-etcd-members' });
            return runDir !== before && when(events);
          },
        },
      });
      await restore?.();
      assert.ok(run.killed, `${what}: the moment did not come; it ended with ${run.exitCode}\n${run.stderr}`);
      const between = (await listedMembers(t, first)).find(({ peerUrl }) => peerUrl.includes(addressOf(name)));
      assert.ok(between, `${what}: ${name} is in the member list`);
      const again = await t.kubexmOk(['etcd', 'add-member', name, '--yes']);
      t.measure(`killed ${what}`, `after ${seconds(run.ms)}; the second run took ${seconds(again.ms)}`);
      await assertVoters(t, members);
      await assertApiserverEndpoints(t, { controlPlanes, members });
      const now = (await listedMembers(t, first)).find((member) => member.name === name);
      assert.equal(now?.id, between.id, `${what}: ${name} is still the member that was added first`);
      return between;
    };
    const addressOf = (name: string) => `//${t.hosts.find((host) => host.name === name)?.address}:`;

    // A unit that hangs before etcd comes: the learner is in the list, and has never been started.
    const hang = async () => {
      const dir = '/etc/systemd/system/etcd.service.d';
      await t.onHost(
        notStarted,
        `mkdir -p ${dir} && printf '[Service]\\nExecStartPre=/bin/sleep 300\\n' >${dir}/hang.conf`,
      );
      return () => t.onHost(notStarted, `rm -r ${dir}; systemctl daemon-reload; systemctl stop etcd`);
    };
    const one = await killed(
      notStarted,
      'with the learner added and not started',
      (events) => acting(events, `/start-${notStarted}`, { forMs: 500 }),
      hang,
    );
    assert.deepEqual([one.name, one.isLearner], ['', true], 'what was there to be continued');

    // An etcdctl that takes its time to promote: the learner runs.
    const etcdctl = '/usr/local/bin/etcdctl';
    let slowed = false;
    const two = await killed(notPromoted, 'with the learner started and not promoted', async (events) => {
      if (!slowed && finished(events, '/extract-etcd', notPromoted)) {
        slowed = true;
        const script = `#!/bin/sh\\ncase "$*" in *"member promote"*) sleep 5 ;; esac\\nexec ${etcdctl}.real "$@"\\n`;
        await t.onHost(
          notPromoted,
          // Never absent: the steps that go on meanwhile ask it.
          `ln -f ${etcdctl} ${etcdctl}.real && printf '${script}' >${etcdctl}.slow && chmod 755 ${etcdctl}.slow && mv -f ${etcdctl}.slow ${etcdctl}`,
        );
      }
      return acting(events, `/promote-${notPromoted}`, { forMs: 300 });
    });
    assert.deepEqual([two.name, two.isLearner], [notPromoted, true], 'what was there to be continued');
    await t.onHost(notPromoted, `test ! -e ${etcdctl}.real || mv -f ${etcdctl}.real ${etcdctl}`);

    const three = await killed(notTold, 'with the member promoted and the apiserver not told', (events) =>
      acting(events, `/static-pods-${first}`, { forMs: 500 }),
    );
    assert.deepEqual([three.name, three.isLearner], [notTold, false], 'what was there to be continued');

    // A learner that was started once, taken out by hand, and left its data on the host.
    members.push(stale);
    await etcdYaml(t, { etcd: members, controlPlanes });
    await t.kubexmOk(['etcd', 'add-member', stale, '--yes']);
    const old = (await listedMembers(t, first)).find(({ name }) => name === stale);
    await t.onHost(stale, 'systemctl stop etcd');
    const pki = '/etc/etcd/pki';
    await t.onHost(
      first,
      `${etcdctl} --endpoints=https://127.0.0.1:2379 --cacert=${pki}/ca.pem --cert=${pki}/admin.pem --key=${pki}/admin-key.pem member remove ${old?.id}`,
    );
    await t.kubexmOk(['etcd', 'add-member', stale, '--yes']);
    await assertVoters(t, members);
    const kept = await t.onHost(
      stale,
      'ls -d /var/lib/etcd/stale-*/member /var/lib/etcd.stale-*/member 2>/dev/null || true',
    );
    assert.equal(kept.trim().split('\n').length, 1, `the old data of ${stale} are kept: ${kept}`);
    await assertNothingToChange(t, 'in the end');
  },
});
