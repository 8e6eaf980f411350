import assert from 'node:assert/strict';
import { probeApiAsOne } from '../harness/api-probe.js';
import { listCertificates, servedCertificate, shortenControlPlane, shortenEtcd } from '../harness/certificates.js';
import { scenario } from '../harness/scenario.js';
import { type ScenarioTools, seconds } from '../harness/tools.js';

const cluster = 'lab';
const unit = 'kubexm-certs-renew';

export const upgrade3c = scenario({
  id: 'upgrade-3c',
  title:
    'hosts renew their own certificates by a timer: one at a time, under clients, and not while an apiserver is down',
  hosts: 4,
  timeoutMinutes: 20,
  async run(t) {
    const [alone = '', both = '', ...members] = t.hostNames;
    const controlPlanes = [alone, both];
    // One control plane without etcd, one with, and members that are no nodes.
    const roleGroups = { 'control-plane': controlPlanes, worker: controlPlanes, etcd: [both, ...members] };
    const withAutoRenew = (autoRenew: object) =>
      t.clusterYaml({ overrides: { roleGroups, certs: { autoRenew } } as never });
    await withAutoRenew({ enabled: true, withinDays: 30, schedule: 'Sun *-*-* 03:00:00' });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    for (const host of t.hostNames)
      assert.equal(
        (await t.onHost(host, `systemctl is-active ${unit}.timer`)).trim(),
        'active',
        `the timer on ${host}`,
      );
    assert.equal((await listCertificates(t)).exitCode, 0);

    const fresh = await digests(t);
    await renewOn(t, alone);
    assert.match(await journal(t, alone), /nothing ends within 30 days/);
    assert.deepEqual(await digests(t), fresh, 'files after a run with nothing to do');

    const short: string[] = [];
    for (const host of t.hostNames) {
      const paths = controlPlanes.includes(host) ? await shortenControlPlane(t, { cluster, host, days: 5 }) : [];
      short.push(
        ...[...paths, ...(await shortenEtcd(t, { cluster, host, days: 5 }))].map((path) => `${path} on ${host}`),
      );
    }
    t.measure('shortened', `${short.length} certificates`);
    assert.ok(short.length >= 23, short.join('\n'));

    await refusesBesideADownApiserver(t, { alone, both });

    const probe = await probeApiAsOne(t, { cluster, controlPlanes });
    const started = performance.now();
    await Promise.all(t.hostNames.map((host) => renewOn(t, host)));
    t.measure('renewal of all hosts, started together', seconds(performance.now() - started));
    await t.sleep(3000);
    const { gapMs, failures, answers } = await probe.stop();
    t.measure(
      'API as one client sees it',
      `${answers} answers, ${failures} failures, longest gap ${gapMs.toFixed(0)} ms`,
    );
    assert.equal(failures, 0, 'requests that no apiserver answered while certificates were renewed');

    const renewed = await listCertificates(t);
    assert.deepEqual([renewed.exitCode, renewed.problems], [0, []]);
    for (const { host, path, daysLeft } of renewed.certificates)
      assert.ok(
        !short.includes(`${path} on ${host}`) || (daysLeft ?? 0) >= 363,
        `${path} on ${host}: ${daysLeft} days`,
      );
    for (const host of controlPlanes) {
      const onDisk = renewed.certificates.find((each) => each.host === host && each.path.endsWith('/apiserver.crt'));
      const served = await servedCertificate(t.hosts.find(({ name }) => name === host)?.address ?? '');
      assert.equal(served.serial, onDisk?.serial, `${host} serves what lies there`);
    }
    assert.equal(await t.kubectl('-n kube-system get lease kubexm-certs-renew --ignore-not-found'), '');
    await t.eventually('the cluster is healthy', async () => (await t.kubexm(['cluster', 'status'])).exitCode === 0, {
      everyMs: 3000,
    });
    // Whoever schedules and whoever controls has come back with what is new.
    await t.kubectl('create namespace after');
    await t.eventually('a service account is made', async () =>
      (await t.kubectl('-n after get serviceaccount default --ignore-not-found')).includes('default'),
    );

    const [files, containers] = [await digests(t), await readers(t, controlPlanes)];
    for (const host of t.hostNames) await renewOn(t, host);
    assert.deepEqual(await digests(t), files, 'files after a second run');
    assert.deepEqual(await readers(t, controlPlanes), containers, 'containers after a second run');
    // What hosts have renewed is not put back by what lies in the work directory.
    const again = await t.kubexmOk(['cluster', 'create', '--yes', '-o', 'json']);
    assert.equal((JSON.parse(again.stdout) as { totals: { changed: number } }).totals.changed, 0, 'a second create');

    await withAutoRenew({ enabled: false });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    for (const host of t.hostNames) {
      const left = await t.onHost(
        host,
        `systemctl list-unit-files --no-legend '${unit}*'; ls -d /usr/local/sbin/${unit} /var/lib/kubexm/certs-renew 2>/dev/null; :`,
      );
      assert.equal(left, '', `left on ${host} after it was turned off`);
    }
    const key = await t.hostExec(alone, 'test -e /etc/etcd/pki/ca-key.pem');
    assert.equal(key.exitCode, 1, 'the key of etcd stays on a control plane that is no member');
    assert.deepEqual((await listCertificates(t)).problems, []);
  },
});

async function refusesBesideADownApiserver(
  t: ScenarioTools,
  { alone, both }: { alone: string; both: string },
): Promise<void> {
  const before = await digests(t);
  const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';
  await t.onHost(both, `mv ${manifest} /root/kube-apiserver.yaml`);
  const address = t.hosts.find(({ name }) => name === both)?.address ?? '';
  await t.eventually('the apiserver is down', () =>
    servedCertificate(address).then(
      () => false,
      () => true,
    ),
  );
  const failed = await t.hostExec(alone, `systemctl start ${unit}.service`, { timeoutMs: 300_000 });
  assert.equal(failed.exitCode, 1, 'a run beside an apiserver that is down');
  assert.match(await t.onHost(alone, 'systemctl --failed --no-legend'), new RegExp(unit));
  assert.match(await journal(t, alone), /not all apiservers serve, nothing is renewed/);
  assert.deepEqual(await digests(t), before, 'files after a run that was refused');
  await t.onHost(both, `mv /root/kube-apiserver.yaml ${manifest}`);
  await t.eventually('the apiserver is back', () => servedCertificate(address));
  await t.eventually('it is ready', async () => (await t.kubectl('get --raw=/readyz', { on: both })) === 'ok');

  const told = await listCertificates(t);
  assert.equal(told.exitCode, 3);
  assert.ok(
    told.problems.some((problem) => problem.includes(`failed on ${alone}: not all apiservers serve`)),
    told.problems.join('\n'),
  );
  const status = await t.kubexm(['cluster', 'status']);
  assert.equal(status.exitCode, 1);
  assert.match(status.stdout, new RegExp(`the renewal by time of .* failed on ${alone}`));
}

/** As the timer does, to its end. */
async function renewOn(t: ScenarioTools, host: string): Promise<void> {
  const { exitCode } = await t.hostExec(host, `systemctl start ${unit}.service`, { timeoutMs: 600_000 });
  assert.equal(exitCode, 0, `the renewal on ${host}:\n${await journal(t, host)}`);
}

function journal(t: ScenarioTools, host: string): Promise<string> {
  return t.onHost(host, `journalctl -u ${unit} --no-pager -o cat -n 40`);
}

/** Of everything that could be renewed, on each host. */
async function digests(t: ScenarioTools): Promise<readonly string[]> {
  const files = '/etc/etcd/pki/* /etc/kubernetes/*.conf /etc/kubernetes/pki/*';
  return await Promise.all(t.hostNames.map((host) => t.onHost(host, `sha256sum ${files} 2>/dev/null; :`)));
}

/** Containers that read a kubeconfig. */
async function readers(t: ScenarioTools, hosts: readonly string[]): Promise<readonly string[]> {
  const ids = "/usr/local/bin/crictl ps -q --name '^kube-(controller-manager|scheduler)$'";
  return await Promise.all(hosts.map((host) => t.onHost(host, ids)));
}
