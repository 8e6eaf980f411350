import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askAs, companyCa, listCertificates, probeAsAdministrator, startClientPod } from '../harness/certificates.js';
import { acting } from '../harness/killed.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

const cluster = 'lab';

export const upgrade3b = scenario({
  id: 'upgrade-3b',
  title:
    "CAs by new ones, the cluster's by a company's own, under clients of all kinds; ended in the middle it goes on, and the old CA is worth nothing",
  hosts: 4,
  timeoutMinutes: 25,
  async run(t) {
    const controlPlanes = t.hostNames.slice(0, 3);
    await t.clusterYaml({ controlPlanes: 3, etcd: 3, workers: 1 });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    const pod = await startClientPod(t, { on: controlPlanes[0] ?? '' });
    const kubeconfig = join(t.dir, '.kubexm', cluster, 'kubeconfig');
    const old = join(t.dir, 'old-kubeconfig');
    await copyFile(kubeconfig, old);

    const company = await companyCa(t, 'company-ca');
    const own = ['--cert', company.cert, '--key', company.key];
    const forecast = await t.kubexmOk(['certs', 'rotate-ca', 'cluster', ...own, '--dry-run']);
    assert.match(forecast.stderr, /2\. sign anew .* node1, then node2, then node3; then kubelets: /);
    const same = join(t.dir, '.kubexm', cluster, 'certs/kubernetes/ca');
    const refused = await t.kubexm(['certs', 'rotate-ca', '--cert', `${same}.crt`, '--key', `${same}.key`, '--yes']);
    assert.match(refused.stderr, /is the CA of the cluster already/);
    assert.deepEqual((await listCertificates(t)).problems, [], 'after nothing but questions');

    const probe = await probeAsAdministrator(t, { cluster, controlPlanes });
    await killed(t, own, `/restart-kube-apiserver-${controlPlanes[0]}`);
    const half = await t.kubexm(['cluster', 'apply', '--yes']);
    assert.notEqual(half.exitCode, 0, 'another operation while a rotation is half done');
    assert.match(half.stderr, /rotation of .* is half done/);
    for (const which of ['cluster', 'front-proxy', 'etcd']) {
      const { ms } = await t.kubexmOk(['certs', 'rotate-ca', which, '--yes']);
      t.measure(`rotate-ca ${which}${which === 'cluster' ? ', the rest of it' : ''}`, `${(ms / 1000).toFixed(1)} s`);
    }
    const asked = await probe.stop();
    t.measure('API, a new connection each time', `${asked.answers} answers, ${asked.retried} after a retry`);
    assert.deepEqual(asked.failures, [], 'requests of the administrator that failed twice');
    const counted = await pod.counts();
    t.measure('API, from a pod', `${counted.answers} answers, ${counted.retried} after a retry`);
    assert.ok(counted.answers > 20, 'the pod has asked');
    assert.deepEqual(counted.failures, [], 'requests of the pod that failed twice');

    const ca = join(t.dir, '.kubexm', cluster, 'certs/kubernetes/ca.crt');
    assert.equal(await readFile(ca, 'utf8'), await readFile(company.cert, 'utf8'), 'the CA of the company');
    const { exitCode, problems, certificates } = await listCertificates(t);
    assert.deepEqual(problems, []);
    assert.equal(exitCode, 0);
    assert.ok(certificates.filter(({ isSignedByOwn }) => isSignedByOwn !== undefined).length > 25);
    const address = t.hosts[0]?.address ?? '';
    assert.equal(await askAs(kubeconfig, address), undefined, 'the kubeconfig of now');
    // Its CA is trusted no more; the way to the new one is served for those who trust the old one.
    await t.eventually('the old kubeconfig is refused', async () => (await askAs(old, address)) === 'HTTP 401', {
      timeoutMs: 90_000,
    });
    const again = await t.kubexmOk(['cluster', 'apply', '--yes', '-o', 'json']);
    assert.equal((JSON.parse(again.stdout) as { totals: { changed: number } }).totals.changed, 0, 'apply afterwards');
    await t.kubectl('create deployment after --image=docker.io/library/busybox:1.36 -- sleep infinity');
    await t.kubectl('rollout status deployment/after --timeout=120s');
    // By apiservers' own client certificates, one after the other's connections.
    await t.eventually(
      'exec goes through',
      async () => (await t.kubectl('exec deployment/after -- echo yes')) === 'yes\n',
    );
  },
});

/** Kills the rotation of the cluster's CA while it is at work. */
async function killed(t: ScenarioTools, own: readonly string[], node: string): Promise<void> {
  const result = await t.kubexm(['certs', 'rotate-ca', ...own, '--yes'], {
    killAfter: {
      when: async () => {
        const run = await t.journal({ graph: 'rotate-ca' }).catch(() => undefined);
        return run !== undefined && acting(run.events, node);
      },
    },
  });
  assert.ok(result.killed, `${node}: the moment did not come; it ended with ${result.exitCode}\n${result.stderr}`);
}
