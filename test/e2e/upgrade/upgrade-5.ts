import assert from 'node:assert/strict';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listCertificates, shortenControlPlane } from '../harness/certificates.js';
import { scenario } from '../harness/scenario.js';

const cluster = 'lab';

export const upgrade5 = scenario({
  id: 'upgrade-5',
  title:
    'the work directory is lost: adopt makes it anew, a node is added, certificates are renewed; an archive brings it back too',
  hosts: 3,
  timeoutMinutes: 20,
  async run(t) {
    const [first = '', second = '', third = ''] = t.hostNames;
    await t.clusterYaml({ controlPlanes: 1, etcd: 1, workers: 1, use: [first, second] });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    const passphrase = join(t.dir, 'passphrase');
    await writeFile(passphrase, 'a long one that nobody guesses\n', { mode: 0o600 });
    const archive = ['--passphrase-from', `file:${passphrase}`];
    await t.kubexmOk(['certs', 'export', 'pki.age', ...archive]);
    assert.equal((await stat(join(t.dir, 'pki.age'))).mode & 0o777, 0o600);

    const work = join(t.dir, '.kubexm');
    const lost = join(t.dir, 'lost');
    await rename(work, lost);
    const { ms } = await t.kubexmOk(['cluster', 'adopt', '--yes']);
    t.measure('cluster adopt', `${(ms / 1000).toFixed(1)} s`);
    for (const name of ['kubernetes/ca.key', 'kubernetes/sa.key', 'etcd/ca-key.pem', 'etcd/ca.pem']) {
      const path = (base: string) => join(base, cluster, 'certs', name);
      assert.equal(await readFile(path(work), 'utf8'), await readFile(path(lost), 'utf8'), name);
      if (/key/.test(name)) assert.equal((await stat(path(work))).mode & 0o777, 0o600, name);
    }
    const listed = await listCertificates(t);
    assert.deepEqual(listed.problems, [], 'certs list after adopt');
    const again = await t.kubexmOk(['cluster', 'adopt', '--yes', '-o', 'json']);
    assert.equal((JSON.parse(again.stdout) as { totals: { changed: number } }).totals.changed, 0, 'a second adopt');

    // With what was adopted, the cluster can be looked after.
    await t.clusterYaml({ controlPlanes: 1, etcd: 1, workers: 2, use: [first, second, third] });
    await t.kubexmOk(['node', 'add', third, '--yes']);
    await t.kubectl(`wait node/${third} --for=condition=Ready --timeout=120s`);
    const short = await shortenControlPlane(t, { cluster, host: first, days: 5 });
    const renewed = await t.kubexmOk(['certs', 'renew', '--yes', '-o', 'json']);
    const { changed } = (JSON.parse(renewed.stdout) as { totals: { changed: number } }).totals;
    assert.ok(changed >= 2 * short.length, `${changed} changes for ${short.length} certificates`);
    t.measure('certs renew with what was adopted', `${short.length} certificates, ${(renewed.ms / 1000).toFixed(1)} s`);
    assert.deepEqual((await listCertificates(t)).problems, [], 'certs list after a renewal');

    // Another cluster's CA in the work directory is never written over.
    const ca = join(work, cluster, 'certs/kubernetes/ca.crt');
    const own = await readFile(ca, 'utf8');
    await writeFile(ca, await readFile(join(work, cluster, 'certs/etcd/ca.pem'), 'utf8'));
    const refused = await t.kubexm(['cluster', 'adopt', '--yes']);
    assert.equal(refused.exitCode, 4, refused.stderr);
    assert.notEqual(await readFile(ca, 'utf8'), own, 'the CA that is there stays');
    const alsoRefused = await t.kubexm(['certs', 'import', 'pki.age', ...archive]);
    assert.equal(alsoRefused.exitCode, 4, alsoRefused.stderr);

    await rm(work, { recursive: true });
    await t.kubexmOk(['certs', 'import', 'pki.age', ...archive]);
    assert.equal(await readFile(ca, 'utf8'), own);
    assert.equal(
      (await listCertificates(t)).certificates.some(({ isSignedByOwn }) => isSignedByOwn === false),
      false,
    );
  },
});
