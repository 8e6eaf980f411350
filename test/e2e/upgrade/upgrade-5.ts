import assert from 'node:assert/strict';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTROL_NODE } from '../../../src/plan/index.js';
import { listCertificates, shortenControlPlane } from '../harness/certificates.js';
import { etcdctl } from '../harness/etcd.js';
import { changesOfCreate } from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';
import { keysIn, searchFiles } from '../harness/secrets.js';
import { type ScenarioTools, seconds } from '../harness/tools.js';

const cluster = 'lab';

export const upgrade5 = scenario({
  id: 'upgrade-5',
  title:
    'the work directory of a cluster that encrypts is lost: adopt makes it anew, a key is rotated, a node is added, certificates are renewed; an archive brings it back too',
  hosts: 3,
  timeoutMinutes: 25,
  async run(t) {
    const [first = '', second = '', third = ''] = t.hostNames;
    const encryption = { kubernetes: { encryptionAtRest: { resources: ['secrets'] } } };
    const small = { controlPlanes: 1, etcd: 1, workers: 1, use: [first, second] };
    await t.clusterYaml({ ...small, overrides: encryption });
    await t.kubexmOk(['cluster', 'create', '--yes']);
    await t.kubectl('create secret generic before --from-literal=value=treasure');
    const passphrase = join(t.dir, 'passphrase');
    await writeFile(passphrase, 'a long one that nobody guesses\n', { mode: 0o600 });
    const archive = ['--passphrase-from', `file:${passphrase}`];
    await t.kubexmOk(['certs', 'export', 'pki.age', ...archive]);
    assert.equal((await stat(join(t.dir, 'pki.age'))).mode & 0o777, 0o600);

    const work = join(t.dir, '.kubexm');
    const lost = join(t.dir, 'lost');
    const keyFile = (base: string) => join(base, cluster, 'certs/kubernetes/encryption-keys.json');
    const [key] = await keysIn(keyFile(work));
    assert.match(await storedSecret(t), new RegExp(`^k8s:enc:secretbox:v1:${key?.name}:`), 'the secret in etcd');
    await rename(work, lost);
    await assertKeysRefused(t, first);

    const forecast = await t.kubexmOk(['cluster', 'adopt', '--dry-run']);
    assert.match(forecast.stderr, new RegExp(`encrypted, from ${first}: ${key?.name}`));
    await assert.rejects(stat(keyFile(work)), 'a dry run brings no key');
    await t.clusterYaml(small);
    const unlike = await t.kubexmOk(['cluster', 'adopt', '--dry-run']);
    assert.match(
      unlike.stderr,
      /until it has spec\.kubernetes\.encryptionAtRest: \{ provider: secretbox, resources: \[secrets\] \}/,
    );
    await t.clusterYaml({ ...small, overrides: encryption });
    const { ms } = await t.kubexmOk(['cluster', 'adopt', '--yes']);
    t.measure('cluster adopt', seconds(ms));
    assert.deepEqual(await keysIn(keyFile(work)), await keysIn(keyFile(lost)), 'the keys');
    assert.equal((await stat(keyFile(work))).mode & 0o777, 0o600);
    for (const name of ['kubernetes/ca.key', 'kubernetes/sa.key', 'etcd/ca-key.pem', 'etcd/ca.pem']) {
      const path = (base: string) => join(base, cluster, 'certs', name);
      assert.equal(await readFile(path(work), 'utf8'), await readFile(path(lost), 'utf8'), name);
      if (/key/.test(name)) assert.equal((await stat(path(work))).mode & 0o777, 0o600, name);
    }
    const listed = await listCertificates(t);
    assert.deepEqual(listed.problems, [], 'certs list after adopt');
    const again = await t.kubexmOk(['cluster', 'adopt', '--yes', '-o', 'json']);
    assert.equal((JSON.parse(again.stdout) as { totals: { changed: number } }).totals.changed, 0, 'a second adopt');

    const changes = await changesOfCreate(t);
    // Downloads that hosts have are on this machine only when something needs them; a token to join with lasts for a day.
    const isMadeAnew = ({ host, node }: { readonly host: string; readonly node: string }) =>
      node.includes('token') || (host === CONTROL_NODE && !node.startsWith('/pki/'));
    const listOf = (some: typeof changes) => some.map(({ node, host }) => `${node} on ${host}`);
    t.measure('cluster create after adopt makes anew', listOf(changes.filter(isMadeAnew)).join(', ') || 'nothing');
    assert.deepEqual(listOf(changes.filter((change) => !isMadeAnew(change))), [], 'what create changes after adopt');
    assert.equal(await readSecret(t), 'treasure');

    // With what was adopted, the cluster can be looked after.
    const rotation = await t.kubexmOk(['secrets', 'rotate-key', '--yes']);
    t.measure('secrets rotate-key with what was adopted', seconds(rotation.ms));
    const [newest, ...older] = await keysIn(keyFile(work));
    assert.deepEqual(
      older.map(({ name }) => name),
      [key?.name],
    );
    assert.match(await storedSecret(t), new RegExp(`^k8s:enc:secretbox:v1:${newest?.name}:`), 'after the rotation');
    assert.equal(await readSecret(t), 'treasure');
    const forbidden = new Map([newest, key].map((each) => [each?.name ?? '', each?.secret ?? '']));
    const search = await searchFiles(work, forbidden, { except: /encryption-keys\.json$/ });
    const shown = await searchFiles(t.logsDir, forbidden, { except: /^$/ });
    assert.deepEqual([search.found, shown.found], [[], []], 'keys in other files');
    t.measure('files without a key', `${search.files} of the work directory, ${shown.files} of what was printed`);
    await t.clusterYaml({ controlPlanes: 1, etcd: 1, workers: 2, use: [first, second, third], overrides: encryption });
    await t.kubexmOk(['node', 'add', third, '--yes']);
    await t.kubectl(`wait node/${third} --for=condition=Ready --timeout=120s`);
    const short = await shortenControlPlane(t, { cluster, host: first, days: 5 });
    const renewed = await t.kubexmOk(['certs', 'renew', '--yes', '-o', 'json']);
    const { changed } = (JSON.parse(renewed.stdout) as { totals: { changed: number } }).totals;
    assert.ok(changed >= 2 * short.length, `${changed} changes for ${short.length} certificates`);
    t.measure('certs renew with what was adopted', `${short.length} certificates, ${seconds(renewed.ms)}`);
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

const config = '/etc/kubernetes/encryption/config.yaml';

/** What kubexm cannot take is refused before anything is written. The apiserver keeps its keys: it looks at the file only once a minute. */
async function assertKeysRefused(t: ScenarioTools, host: string): Promise<void> {
  const whole = `${config}.whole`;
  const files = [
    [
      '{resources: [{resources: [secrets], providers: [{kms: {apiVersion: v2, name: vault}}]}]}',
      /names a provider "kms"/,
    ],
    ['no: [yaml', /is no EncryptionConfiguration/],
    [undefined, /kube-apiserver reads \S+, which is not there/],
  ] as const;
  await t.onHost(host, `cp -p ${config} ${whole}`);
  for (const [text, message] of files) {
    await t.onHost(host, text === undefined ? `rm ${config}` : `printf '%s\n' '${text}' >${config}`);
    const { exitCode, stderr } = await t.kubexm(['cluster', 'adopt', '--yes']);
    assert.equal(exitCode, 4, stderr);
    assert.match(stderr, message);
    assert.ok(stderr.includes(host) && stderr.includes(config), stderr);
    await assert.rejects(stat(join(t.dir, '.kubexm', cluster, 'certs/kubernetes/ca.key')), 'nothing was written');
  }
  await t.onHost(host, `mv ${whole} ${config}`);
}

async function readSecret(t: ScenarioTools): Promise<string> {
  return Buffer.from(await t.kubectl('get secret before -o jsonpath={.data.value}'), 'base64').toString();
}

/** The secret as it lies in etcd: kubexm is not asked. */
async function storedSecret(t: ScenarioTools): Promise<string> {
  const [host = ''] = t.hostNames;
  const { kvs } = JSON.parse(await etcdctl(t, host, 'get /registry/secrets/default/before -w json')) as {
    kvs: { value: string }[];
  };
  const text = Buffer.from(kvs[0]?.value ?? '', 'base64').toString('latin1');
  assert.doesNotMatch(text, /treasure/, 'an encrypted object shows its content');
  return text;
}
