import assert from 'node:assert/strict';
import { probeApiAsOne } from '../harness/api-probe.js';
import { listCertificates, servedCertificate, shortenControlPlane, shortenKubelet } from '../harness/certificates.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

const cluster = 'lab';

export const upgrade3 = scenario({
  id: 'upgrade-3',
  title: 'certificates that end in five days are listed, renewed and served; a kubelet whose own has ended comes back',
  hosts: 3,
  timeoutMinutes: 20,
  async run(t) {
    const controlPlanes = t.hostNames.slice(0, 2);
    const [, , worker = ''] = t.hostNames;
    await t.clusterYaml({ controlPlanes: 2, etcd: 1, workers: 1 });
    await t.kubexmOk(['cluster', 'create', '--yes']);

    const fresh = await listCertificates(t);
    assert.equal(fresh.exitCode, 0, `certs list on a new cluster:\n${fresh.problems.join('\n')}`);
    assert.ok(fresh.certificates.length >= 25, `${fresh.certificates.length} certificates`);
    t.measure('certs list', `${fresh.certificates.length} certificates, ${(fresh.ms / 1000).toFixed(1)} s`);

    const short: string[] = [];
    for (const host of controlPlanes) {
      const paths = await shortenControlPlane(t, { cluster, host, days: 5 });
      short.push(...paths.map((path) => `${path} on ${host}`));
    }
    const told = await listCertificates(t, ['--warn-days', '10']);
    assert.equal(told.exitCode, 3, 'certs list with certificates that end in five days');
    assert.deepEqual([...told.problems].sort(), short.map((at) => `${at} runs out in 4 days`).sort());
    const metrics = await t.kubexm(['certs', 'list', '-o', 'prometheus']);
    assert.match(metrics.stdout, /kubexm_certificate_expiry_timestamp_seconds\{.*apiserver\.crt.*\} \d{10}\n/);

    const probe = await probeApiAsOne(t, { cluster, controlPlanes });
    const { ms } = await t.kubexmOk(['certs', 'renew', '--yes']);
    const { gapMs, failures, answers } = await probe.stop();
    t.measure('certs renew', `${(ms / 1000).toFixed(1)} s`);
    t.measure(
      'API as one client sees it',
      `${answers} answers, ${failures} failures, longest gap ${gapMs.toFixed(0)} ms`,
    );
    assert.equal(failures, 0, 'requests that no apiserver answered while certificates were renewed');

    await assertServed(t, controlPlanes);
    assert.deepEqual((await listCertificates(t)).problems, []);
    const again = await t.kubexmOk(['certs', 'renew', '--yes', '-o', 'json']);
    assert.equal((JSON.parse(again.stdout) as { totals: { changed: number } }).totals.changed, 0, 'a second renewal');
    assert.equal((await t.kubectl('get --raw=/readyz')).trim(), 'ok');
    // Everything that is made for a new pod goes through those whose kubeconfigs are new.
    await t.kubectl('create deployment after --image=docker.io/library/busybox:1.36 -- sleep infinity');
    await t.kubectl('rollout status deployment/after --timeout=120s');
    // By the apiserver's own client certificate; its connections by the old one it closes within five minutes.
    await t.eventually(
      'exec goes through',
      async () => (await t.kubectl('exec deployment/after -- echo yes')) === 'yes\n',
    );

    await shortenKubelet(t, { cluster, host: worker, days: 0 });
    const ended = await listCertificates(t);
    assert.ok(
      ended.problems.some((problem) => problem.endsWith(`on ${worker} has run out`)),
      ended.problems.join('\n'),
    );
    await t.kubexmOk(['certs', 'renew', '--yes']);
    await t.kubectl(`wait node/${worker} --for=condition=Ready --timeout=60s`);
    assert.deepEqual((await listCertificates(t)).problems, []);
  },
});

async function assertServed(t: ScenarioTools, controlPlanes: readonly string[]): Promise<void> {
  const { certificates } = await listCertificates(t);
  for (const host of controlPlanes) {
    const onDisk = certificates.find((each) => each.host === host && each.path.endsWith('/apiserver.crt'));
    const address = t.hosts.find(({ name }) => name === host)?.address ?? '';
    const served = await servedCertificate(address);
    assert.equal(served.serial, onDisk?.serial, `${host} serves what lies there`);
    assert.ok(served.daysLeft > 360, `${host} serves one for ${served.daysLeft} days`);
  }
}
