import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpecOverrides } from '../../../lab/index.js';
import { underProbes } from '../harness/api-probe.js';
import { acting } from '../harness/killed.js';
import { assertNothingToChange } from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';
import { keysIn, searchFiles } from '../harness/secrets.js';
import { type ScenarioTools, seconds } from '../harness/tools.js';

const secretCount = 150;
const policy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] }, { level: 'None' }],
};
const audit = { policy, maxAgeDays: 7 };

export const upgrade7 = scenario({
  id: 'upgrade-7',
  title: 'audit and encryption at rest come to a running cluster, a key is rotated, killed half-way, and all goes back',
  hosts: 3,
  timeoutMinutes: 30,
  async run(t) {
    const controlPlanes = t.hostNames;
    const write = (kubernetes: SpecOverrides) =>
      t.clusterYaml({ controlPlanes: 3, etcd: 3, workers: 0, overrides: { kubernetes } });
    await write({});
    const created = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', seconds(created.ms));
    await makeSecrets(t);
    assert.deepEqual(await writers(t), ['clear'], 'before');

    // A policy that kube-apiserver would refuse is refused before anything is asked of a host.
    await write({ apiServer: { audit: { policy: { ...policy, rules: [{ level: 'All' }] } } } });
    const refused = await t.kubexm(['cluster', 'create', '--yes']);
    assert.equal(refused.exitCode, 2, refused.stderr);
    assert.match(refused.stderr, /must be None or Metadata or Request or RequestResponse/);

    const encrypted = { apiServer: { audit }, encryptionAtRest: { resources: ['secrets', 'configmaps'] } };
    await write(encrypted);
    const on = await underProbes(t, controlPlanes, () => t.kubexmOk(['cluster', 'create', '--yes']));
    t.measure('audit and encryption on', seconds(on.ms));
    const [first = '', ...more] = await writers(t);
    assert.deepEqual(
      [more, /^secretbox key-\d{14}$/.test(first)],
      [[], true],
      `all are written with one key: ${first}`,
    );
    await assertSecretsThere(t);
    for (const host of controlPlanes) {
      assert.match(
        await t.onHost(host, 'cat /var/log/kubernetes/audit/audit.log | tail -n 200'),
        /"resource":"secrets"/,
      );
      const modes = await t.onHost(
        host,
        'stat -c %a /etc/kubernetes/encryption /etc/kubernetes/encryption/* /etc/kubernetes/audit/*',
      );
      assert.equal(modes, '700\n600\n600\n', `modes on ${host}`);
    }
    await assertNothingToChange(t, 'with audit and encryption');

    // A key is rotated; kubexm is killed while it writes the objects anew, and the next run sees it through.
    const keyFile = join(t.dir, '.kubexm/lab/certs/kubernetes/encryption-keys.json');
    const oldKeys = await keysIn(keyFile);
    const rotation = await underProbes(t, controlPlanes, async () => {
      const events = async () => (await t.journal({ graph: 'rotate-key' })).events;
      const killed = await t.kubexm(['secrets', 'rotate-key', '--yes'], {
        killAfter: { when: async () => acting(await events().catch(() => []), '/rewrite-objects', { forMs: 1500 }) },
      });
      assert.equal(killed.signal, 'SIGKILL', `the run was killed: ${killed.stderr}`);
      t.log(`after the kill: ${(await writers(t)).join(', ')}`);
      await assertSecretsThere(t);
      const status = await t.kubexm(['secrets', 'status', '-o', 'json']);
      assert.equal(status.exitCode, 3, status.stdout);
      return t.kubexmOk(['secrets', 'rotate-key', '--yes']);
    });
    t.measure('rotation, after it was killed', seconds(rotation.ms));
    const keys = await keysIn(keyFile);
    assert.equal(keys.length, oldKeys.length + 1, 'one new key');
    assert.deepEqual(await writers(t), [`secretbox ${keys[0]?.name}`]);
    await assertSecretsThere(t);
    for (const host of controlPlanes) {
      const config = await t.onHost(host, 'cat /etc/kubernetes/encryption/config.yaml');
      assert.ok(config.includes(keys[0]?.secret ?? '-'), `the new key is on ${host}`);
      assert.ok(!config.includes(oldKeys[0]?.secret ?? ''), `the old key is gone from ${host}`);
    }
    await assertNothingToChange(t, 'after the rotation');

    // What another hand changes is drift, and nothing else is.
    const [, second = ''] = controlPlanes;
    await t.onHost(second, 'echo "# by hand" >>/etc/crictl.yaml');
    const drifted = await t.kubexm(['cluster', 'status', '--drift', '-o', 'json']);
    assert.equal(drifted.exitCode, 3, drifted.stdout);
    const { drift } = JSON.parse(drifted.stdout) as { drift: { differences: { host: string; what: string }[] } };
    assert.deepEqual(
      drift.differences.map(({ host, what }) => `${host}: ${what}`),
      [`${second}: Write /etc/crictl.yaml`],
    );
    t.measure('status --drift', seconds(drifted.ms));

    // Without the work directory's file the keys are read back; a foreign one is refused.
    await rm(keyFile);
    await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.deepEqual(
      (await keysIn(keyFile)).map(({ secret }) => secret),
      [keys[0]?.secret],
    );
    const same = await t.kubexmOk(['cluster', 'status', '--drift']);
    assert.match(same.stdout, /Drift: none/);
    const forbidden = new Map(keys.map(({ name, secret }) => [name, secret]));
    const search = await searchFiles(join(t.dir, '.kubexm'), forbidden, { except: /encryption-keys\.json$/ });
    assert.deepEqual(search.found, [], 'keys in other files');
    t.measure('files without a key', String(search.files));

    // Back: the section alone may not go.
    await write({ apiServer: { audit } });
    const guarded = await t.kubexm(['cluster', 'create', '--yes']);
    assert.equal(guarded.exitCode, 4, guarded.stderr);
    assert.match(guarded.stderr, /kubexm secrets decrypt/);
    const off = await underProbes(t, controlPlanes, () => t.kubexmOk(['secrets', 'decrypt', '--yes']));
    t.measure('decryption', seconds(off.ms));
    assert.deepEqual(await writers(t), ['clear'], 'after decryption');
    await assertSecretsThere(t);
    for (const host of controlPlanes) await t.onHost(host, '! test -e /etc/kubernetes/encryption');
    await assertNothingToChange(t, 'after decryption');
  },
});

async function makeSecrets(t: ScenarioTools): Promise<void> {
  await t.kubectl('create namespace vault');
  const items = Array.from({ length: secretCount }, (_, i) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `s-${i}`, namespace: 'vault' },
    stringData: { value: `treasure-${i}` },
    immutable: i % 10 === 0,
  }));
  await t.kubectl('create -f -', { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
}

async function assertSecretsThere(t: ScenarioTools): Promise<void> {
  for (const on of t.hostNames) {
    const { items } = JSON.parse(await t.kubectl('-n vault get secrets -o json', { on })) as {
      items: { metadata: { name: string }; data: { value: string } }[];
    };
    const values = items.map(
      ({ metadata, data }) => `${metadata.name}=${Buffer.from(data.value, 'base64').toString()}`,
    );
    assert.equal(values.length, secretCount, `secrets that ${on} serves`);
    assert.ok(values.includes('s-7=treasure-7') && values.includes('s-140=treasure-140'), `what ${on} reads`);
  }
}

/** With what the secrets are written, straight from the files of etcd: kubexm is not asked. */
async function writers(t: ScenarioTools): Promise<string[]> {
  const [host = ''] = t.hostNames;
  const pki = '/etc/etcd/pki';
  const etcdctl = `etcdctl --endpoints=https://127.0.0.1:2379 --cacert=${pki}/ca.pem --cert=${pki}/admin.pem --key=${pki}/admin-key.pem`;
  const { kvs } = JSON.parse(await t.onHost(host, `${etcdctl} get --prefix /registry/secrets/ -w json`)) as {
    kvs: { value: string }[];
  };
  assert.ok(kvs.length >= secretCount, `secrets in etcd: ${kvs.length}`);
  const found = kvs.map(({ value }) => {
    const text = Buffer.from(value, 'base64').toString('latin1');
    if (!text.startsWith('k8s:enc:')) return 'clear';
    assert.doesNotMatch(text, /treasure/, 'an encrypted object shows its content');
    const [, , type, , key] = text.split(':');
    return `${type} ${key}`;
  });
  return [...new Set(found)].sort();
}
