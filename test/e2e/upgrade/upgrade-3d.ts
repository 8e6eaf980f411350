import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type CaFiles,
  companyCa,
  listCertificates,
  type RequestedCertificate,
  requestCertificates,
  signRequest,
} from '../harness/certificates.js';
import { assertNothingToChange } from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';
import { type ScenarioTools, seconds } from '../harness/tools.js';

/** Signed for as few days as `certs renew` finds too few. */
const short = ['scheduler.conf', 'kubelet'];

export const upgrade3d = scenario({
  id: 'upgrade-3d',
  title:
    'a cluster whose CA has no key anywhere: all is requested, signed by another, imported; renewed and grown so, too',
  hosts: 3,
  timeoutMinutes: 20,
  async run(t) {
    const [first = '', worker = '', second = ''] = t.hostNames;
    const ca = await companyCa(t, 'company-ca');
    const write = (controlPlanes: readonly string[], certs: object = {}) => {
      const roleGroups = { 'control-plane': controlPlanes, etcd: [first], worker: [worker] };
      return t.clusterYaml({
        overrides: { roleGroups, certs: { ca: { certFile: ca.cert }, ...certs } },
      });
    };

    await write([first], { autoRenew: { enabled: true } });
    const broken = await t.kubexm(['config', 'validate']);
    assert.equal(broken.exitCode, 2, 'autoRenew with a CA without its key');
    assert.match(broken.stderr + broken.stdout, /hosts cannot renew what certs\.ca signs/);

    await write([first]);
    const early = await t.kubexm(['cluster', 'create', '--yes']);
    assert.equal(early.exitCode, 4, `create before anything is signed: ${early.stderr}`);
    for (const named of [`kubelet of ${worker}`, `apiserver of ${first}`, 'certs csr', 'certs import-signed'])
      assert.ok(early.stderr.includes(named), `${named} is named: ${early.stderr}`);
    for (const host of t.hostNames) await t.onHost(host, '! test -e /etc/kubernetes/pki && ! test -e /etc/etcd/pki');

    const requests = await requestCertificates(t);
    assert.deepEqual(
      requests.map(({ host, name }) => `${name} ${host}`).sort(),
      [
        ...['admin.conf', 'apiserver', 'apiserver-kubelet-client', 'controller-manager.conf', 'kubelet'].map(
          (name) => `${name} ${first}`,
        ),
        ...['scheduler.conf', 'super-admin.conf'].map((name) => `${name} ${first}`),
        `kubelet ${worker}`,
        'admin control-node',
      ].sort(),
    );
    await refusesWrongOnes(t, { ca, requests });
    for (const each of requests) await signRequest(t, each, { ca, days: short.includes(each.name) ? 20 : 200 });
    await t.kubexmOk(['certs', 'import-signed', 'requests', '--min-days', '10']);

    const created = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', seconds(created.ms));
    await healthy(t);
    await assertNothingToChange(t, 'with a CA without its key');
    await signedByNobodyHere(t, ca);

    const forecast = await t.kubexm(['certs', 'renew', '--yes']);
    assert.equal(forecast.exitCode, 4, `renew before anything is signed: ${forecast.stderr}`);
    for (const named of [`scheduler.conf of ${first}`, `kubelet of ${first}`, `kubelet of ${worker}`])
      assert.ok(forecast.stderr.includes(named), `${named} is named: ${forecast.stderr}`);
    assert.ok(!forecast.stderr.includes('apiserver of'), forecast.stderr);
    const due = await requestCertificates(t);
    assert.equal(due.length, 3, JSON.stringify(due));
    for (const each of due) await signRequest(t, each, { ca, days: 200 });
    await t.kubexmOk(['certs', 'import-signed', 'requests']);
    const renewed = await t.kubexmOk(['certs', 'renew', '--yes']);
    t.measure('certs renew', seconds(renewed.ms));
    const listed = await listCertificates(t);
    assert.deepEqual([listed.exitCode, listed.problems], [0, []]);
    await healthy(t);

    const rotation = await t.kubexm(['certs', 'rotate-ca', '--yes']);
    assert.equal(rotation.exitCode, 4, rotation.stderr);
    assert.match(rotation.stderr, /the key of the CA is not here/);

    await write([first, second]);
    const unsigned = await t.kubexm(['node', 'add', second, '--yes']);
    assert.equal(unsigned.exitCode, 4, `node add before anything is signed: ${unsigned.stderr}`);
    assert.ok(unsigned.stderr.includes(`kubelet of ${second}`), unsigned.stderr);
    for (const each of await requestCertificates(t)) await signRequest(t, each, { ca, days: 200 });
    await t.kubexmOk(['certs', 'import-signed', 'requests']);
    const added = await t.kubexmOk(['node', 'add', second, '--yes']);
    t.measure('node add of a control plane', seconds(added.ms));
    await t.kubexmOk(['certs', 'renew', '--yes']);
    await healthy(t);
    assert.deepEqual((await listCertificates(t)).problems, [], 'with a second control plane');
    await assertNothingToChange(t, 'with a second control plane');
    await signedByNobodyHere(t, ca);

    // The work directory is lost: what lies in files of its own comes back, the rest is signed once more.
    await rm(join(t.dir, '.kubexm'), { recursive: true });
    await rm(join(t.dir, 'requests'), { recursive: true });
    const adopted = await t.kubexmOk(['cluster', 'adopt', '--yes']);
    assert.match(adopted.stderr + adopted.stdout, /kubexm certs csr DIR/);
    const anew = await requestCertificates(t);
    assert.ok(!anew.some(({ name }) => name === 'apiserver'), JSON.stringify(anew));
    for (const each of anew) await signRequest(t, each, { ca, days: 200 });
    await t.kubexmOk(['certs', 'import-signed', 'requests']);
    await t.kubexmOk(['certs', 'renew', '--yes']);
    await healthy(t);
    assert.deepEqual((await listCertificates(t)).problems, [], 'after cluster adopt');
    // Programs and the bootstrap token are the control machine's own.
    await t.kubexmOk(['cluster', 'create', '--yes']);
    const { events } = await t.journal({ graph: 'create-cluster' });
    const changed = events.flatMap((event) =>
      event.type === 'job-finished' && event.outcome.state === 'changed' ? [event.host] : [],
    );
    assert.deepEqual([...new Set(changed)], ['control-node'], 'what create changes after cluster adopt');
    await assertNothingToChange(t, 'after cluster adopt');
    await signedByNobodyHere(t, ca);
  },
});

async function refusesWrongOnes(
  t: ScenarioTools,
  { ca, requests }: { readonly ca: CaFiles; readonly requests: readonly RequestedCertificate[] },
): Promise<void> {
  const other = await companyCa(t, 'other-ca');
  for (const each of requests) await signRequest(t, each, { ca: each.name === 'admin.conf' ? other : ca, days: 200 });
  const apiserver = requests.find(({ name }) => name === 'apiserver');
  assert.ok(apiserver);
  await signRequest(t, apiserver, { ca, days: 200, as: 'scheduler.conf' });
  const refused = await t.kubexm(['certs', 'import-signed', 'requests']);
  assert.equal(refused.exitCode, 4, refused.stderr);
  assert.match(refused.stderr, /admin\.conf\.crt: .* did not sign it/);
  assert.match(refused.stderr, /scheduler\.conf\.crt: it has another public key than the request/);
  const certs = await readdir(join(t.dir, '.kubexm/lab/certs/kubernetes'));
  assert.deepEqual(
    certs.filter((file) => file.endsWith('.crt')).sort(),
    // The front proxy's was made by the create that was refused.
    ['ca.crt', 'front-proxy-ca.crt'],
    'nothing of it is stored',
  );
}

async function healthy(t: ScenarioTools): Promise<void> {
  await t.eventually('the cluster is healthy', async () => (await t.kubexm(['cluster', 'status'])).exitCode === 0, {
    timeoutMs: 120_000,
    everyMs: 3000,
  });
}

/** The CA's key is on no host and not in the work directory; kubelets ask for nothing, and the controller manager signs nothing. */
async function signedByNobodyHere(t: ScenarioTools, ca: CaFiles): Promise<void> {
  const key = (await readFile(ca.key, 'utf8')).split('\n')[1] ?? '';
  assert.ok(key.length > 40);
  const leaked = await promisify(execFile)('grep', ['-rlF', key, join(t.dir, '.kubexm')]).catch(() => ({ stdout: '' }));
  assert.equal(leaked.stdout, '', 'the key of the CA in the work directory');
  for (const host of t.hostNames) await t.onHost(host, `! test -e /etc/kubernetes/pki/ca.key`);
  assert.equal(await t.kubectl('get certificatesigningrequests -o name'), '', 'requests of kubelets');
  const [first = ''] = t.hostNames;
  const manifest = await t.onHost(first, 'cat /etc/kubernetes/manifests/kube-controller-manager.yaml');
  assert.doesNotMatch(manifest, /cluster-signing-key-file=\S*ca\.key/);
}
