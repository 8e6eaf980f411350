import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labState, opsUser } from '../../../lab/index.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import {
  type Forbidden,
  foundIn,
  privateKeyLines,
  privateKeysBelow,
  searchFiles,
  watchCommandLines,
  writings,
} from '../harness/secrets.js';

export const create9 = scenario({
  id: 'create-9',
  title: 'nothing that a run writes, prints or starts shows the password, the token or a private key',
  core: true,
  hosts: 2,
  async run(t) {
    // Quotes and signs, so that it looks different wherever it was quoted.
    const password = `Pw'"$ ${randomBytes(12).toString('hex')}&%`;
    const passwordFile = join(t.dir, 'password');
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    for (const host of t.hosts) {
      const { exitCode, stderr } = await t.hostExec(
        host.name,
        `base64 -d <<'END' | chpasswd\n${Buffer.from(`${opsUser}:${password}\n`).toString('base64')}\nEND`,
      );
      assert.equal(exitCode, 0, stderr);
    }
    const printed: string[] = [];
    const run = async (args: readonly string[], expected: 'done' | 'failed') => {
      const { exitCode, stdout, stderr } = await t.kubexm([...args, '--debug']);
      printed.push(stdout, stderr);
      const failed = expected === 'failed';
      assert.equal(exitCode !== 0, failed, `kubexm ${args.join(' ')} ended with ${exitCode}\n${stdout}\n${stderr}`);
      return stderr;
    };
    const topology = (name: string, overrides: object = {}) => ({
      name,
      login: 'sudo-password' as const,
      controlPlanes: 1,
      workers: 1,
      overrides: { global: { sudoPassword: { file: passwordFile } }, ...overrides },
    });

    const watch = watchCommandLines();
    // kubeadm refuses this and prints what it was given.
    await t.clusterYaml(topology('lab', { kubernetes: { kubelet: { extraConfig: { maxPods: 'many' } } } }));
    const refused = await run(['cluster', 'create', '--yes', '--events', 'failed.ndjson'], 'failed');
    assert.match(refused, /Initialise the control plane/);

    await t.clusterYaml(topology('lab'));
    await run(['config', 'show'], 'done');
    await run(['cluster', 'plan', '--save', 'plan.json'], 'done');
    await run(['cluster', 'plan', '-o', 'json'], 'done');
    await run(['cluster', 'create', '--yes', '--events', 'created.ndjson'], 'done');
    await run(['cluster', 'create', '--yes', '-o', 'json', '--events', '-'], 'done');
    await run(['cluster', 'status'], 'done');
    await assertClusterHealthy(t, { nodes: t.hostNames });

    // And with a password that is wrong.
    const wrong = `wrong-${randomBytes(12).toString('hex')}`;
    await writeFile(join(t.dir, 'wrong-password'), wrong);
    await t.clusterYaml({
      ...topology('lab'),
      overrides: { global: { sudoPassword: { file: join(t.dir, 'wrong-password') } } },
    });
    await run(['cluster', 'create', '--yes', '--events', 'wrong.ndjson'], 'failed');
    const commandLines = await watch.stop();

    const certs = join(t.dir, '.kubexm/lab/certs');
    const token = (await readFile(join(certs, 'kubernetes/bootstrap-token'), 'utf8')).trim();
    const tokenSecret = token.split('.')[1] ?? '';
    assert.match(tokenSecret, /^[a-z0-9]{16}$/);
    const { privateKeyPath } = await labState();
    const keys = await privateKeysBelow(certs);
    const forbidden: Forbidden = new Map([
      ...writings('the password', password),
      ...writings('the wrong password', wrong),
      ...writings('the token', token),
      ...writings('the secret of the token', tokenSecret),
      ...privateKeyLines('the ssh key', await readFile(privateKeyPath, 'utf8')),
      ...keys,
    ]);
    assert.ok(keys.length > 20, `only ${keys.length} lines of private keys`);

    // What is searched for can be found: here is where it may be.
    const kept = await searchFiles(certs, forbidden, { except: /^$/ });
    assert.ok(
      kept.found.length >= keys.filter(([name]) => !name.endsWith('in base64')).length + 2,
      `only ${kept.found.length} found in ${certs}`,
    );
    assert.notDeepEqual(foundIn(await readFile(join(certs, '../kubeconfig'), 'utf8'), forbidden), []);

    // The files whose purpose is to hold secrets, and the artifacts of others.
    const except =
      /^(password|wrong-password)$|^\.kubexm\/lab\/(certs|etcd|container_runtime|kubernetes|images)\/|^\.kubexm\/lab\/kubeconfig$/;
    const { files, found } = await searchFiles(t.dir, forbidden, { except });
    const output = printed.flatMap((text) => foundIn(text, forbidden).map((name) => `${name} was printed`));
    const inArguments = [...commandLines].flatMap((line) =>
      foundIn(line, forbidden).map((name) => `${name} is in the arguments of ${line.slice(0, 40)}`),
    );
    const onHosts = await Promise.all(
      t.hostNames.map(async (name) => {
        const text = await t.onHost(
          name,
          'journalctl --no-pager -o cat --boot; find /var/log /run/kubexm /var/lib/kubexm /tmp /var/tmp /home -type f ! -path "/var/log/pods/*" ! -path "*/artifacts/*" ! -name "*.journal" -exec cat {} +',
          { timeoutMs: 60_000 },
        );
        assert.ok(text.includes('kubexm'), `the logs of ${name}`);
        return {
          size: text.length,
          found: foundIn(text, forbidden).map((secret) => `${secret} is in a log of ${name}`),
        };
      }),
    );
    t.measure('searched for', `${forbidden.size} texts`);
    t.measure('searched in', `${files} files, ${printed.length} outputs of ${printed.join('').length} characters`);
    t.measure('command lines seen', String(commandLines.size));
    t.measure('logs on hosts', onHosts.map(({ size }) => `${Math.round(size / 1024)} KiB`).join(', '));
    assert.ok(files >= 15, `only ${files} files`);
    assert.ok(
      ['kubeadm init', 'kubeadm join', 'etcd --config'].every((part) =>
        [...commandLines].some((line) => line.includes(part)),
      ),
      'the programs that are given secrets were seen',
    );
    assert.deepEqual([...found, ...output, ...inArguments, ...onHosts.flatMap((host) => host.found)], []);
  },
});
