import assert from 'node:assert/strict';
import { ensureMirrored } from '../../../lab/index.js';
import { companyCa, listCertificates, requestCertificates, signRequest } from '../harness/certificates.js';
import { acting } from '../harness/killed.js';
import { assertNothingToChange } from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';
import { assertUpgraded, changes } from '../harness/upgrade.js';

// A stand-in for a patch release: the sources of v1.34.4, linked with another version.
const to = 'v1.34.5';
const create = ['cluster', 'create', '--yes'];

export const upgrade3e = scenario({
  id: 'upgrade-3e',
  title: 'with a CA without its key: joins that are ended in the middle go on, and the cluster goes to a patch release',
  hosts: 3,
  timeoutMinutes: 25,
  async run(t) {
    await ensureMirrored([{ component: 'kubernetes', version: to }], { log: (line) => t.log(line) });
    const [first = '', second = '', worker = ''] = t.hostNames;
    const ca = await companyCa(t, 'company-ca');
    const roleGroups = { 'control-plane': [first, second], etcd: [first], worker: [worker] };
    await t.clusterYaml({ overrides: { roleGroups, certs: { ca: { certFile: ca.cert } } } });
    for (const each of await requestCertificates(t)) await signRequest(t, each, { ca, days: 200 });
    await t.kubexmOk(['certs', 'import-signed', 'requests']);

    // With kubeadm itself: a host that loses its power in the middle.
    await ended(t, '/kubeadm-init', { host: first });
    await ended(t, 'join-workers/kubeadm-join', { host: worker, also: [second] });
    await t.kubexmOk(create);
    // What the join wrote before its end is looked at once more, and noted.
    await t.kubexmOk(create);
    await t.kubectl(`wait node ${t.hostNames.join(' ')} --for=condition=Ready --timeout=60s`);
    await assertNothingToChange(t, 'after joins that were ended in the middle');

    const { ms } = await t.kubexmOk(['cluster', 'upgrade', '--to', to, '--yes']);
    t.measure(`v1.34.4 to ${to}`, `${(ms / 1000).toFixed(1)} s`);
    await assertUpgraded(t, { version: to, controlPlanes: [first, second] });
    await t.kubexmOk(['cluster', 'upgrade', '--to', to, '--yes']);
    assert.deepEqual(await changes(t, 'upgrade-cluster'), [], 'a second upgrade');
    const listed = await listCertificates(t);
    assert.deepEqual([listed.exitCode, listed.problems], [0, []]);
    for (const host of t.hostNames) await t.onHost(host, '! test -e /etc/kubernetes/pki/ca.key');
  },
});

/** Kills kubexm while kubeadm is at work on a host, and kubeadm with it, there and on others that join beside it. */
async function ended(
  t: ScenarioTools,
  node: string,
  { host, also = [] }: { readonly host: string; readonly also?: readonly string[] },
): Promise<void> {
  const before = await t.journal({ graph: 'create-cluster' }).catch(() => undefined);
  const result = await t.kubexm(create, {
    killAfter: {
      when: async () => {
        const run = await t.journal({ graph: 'create-cluster' }).catch(() => undefined);
        return run !== undefined && run.runDir !== before?.runDir && acting(run.events, node, { host, forMs: 700 });
      },
    },
  });
  assert.ok(result.killed, `${node}: the moment did not come; the run ended with ${result.exitCode}\n${result.stderr}`);
  for (const each of [host, ...also]) {
    const left = await t.onHost(
      each,
      'systemctl kill --signal=KILL kubexm-kubeadm.service 2>&1; sleep 1; ls /var/lib/kubexm /var/lib/kubelet 2>/dev/null | tr "\\n" " "',
    );
    t.log(`${each} when it was ended: ${left}`);
  }
}
