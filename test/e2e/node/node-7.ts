import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labState } from '../../../lab/index.js';
import { listCertificates } from '../harness/certificates.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';

export const node7 = scenario({
  id: 'node-7',
  title: 'all images come from a registry behind a login and a private CA; its password is in files for root alone',
  hosts: 2,
  async run(t) {
    const { privateRegistry } = await labState();
    const { url, username, password } = privateRegistry;
    await t.clusterYaml({ controlPlanes: 1, workers: 1, registry: 'private' });
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('create', `${(ms / 1000).toFixed(1)} s`);
    await assertClusterHealthy(t, { nodes: t.hostNames });

    const login = Buffer.from(`${username}:${password}`).toString('base64');
    for (const host of t.hostNames) {
      // Without the login and the CA there is nothing to be had there.
      const bare = await t.onHost(host, `curl -sk -o /dev/null -w '%{http_code}' ${url}/v2/`);
      assert.equal(bare.trim(), '401');
      const unknown = await t.hostExec(host, `curl -s -o /dev/null ${url}/v2/`);
      assert.equal(unknown.exitCode, 60, 'curl does not know the CA');
      const holding = await t.onHost(host, `grep -rlF ${login} /etc /var/lib/kubelet/config.json | sort`);
      const files = holding.trim().split('\n');
      assert.ok(files.length >= 4 && files.includes('/var/lib/kubelet/config.json'), holding);
      const modes = await t.onHost(host, `stat -c '%a %U' ${files.join(' ')}`);
      assert.deepEqual([...new Set(modes.trim().split('\n'))], ['600 root']);
      const logs = await t.hostExec(host, `journalctl --no-pager --boot | grep -cF -e ${login} -e ${password}`);
      assert.equal(logs.stdout.trim(), '0', 'lines of the log with the login');
    }
    const { certificates, problems } = await listCertificates(t);
    const authorities = certificates.filter(({ path }) => path.startsWith('/etc/containerd/certs.d/'));
    assert.deepEqual(
      [authorities.map(({ host, state }) => `${host} ${state}`), problems],
      [t.hostNames.map((host) => `${host} present`), []],
    );
    // A pull of the kubelet's own, after the image is gone.
    const worker = t.hostNames[1] ?? '';
    const pause = await t.onHost(worker, 'crictl images | awk \'$1 ~ /pause/ { print $1 ":" $2 }\'');
    t.measure('pause', pause.trim());
    const runDir = (await t.journal()).runDir;
    for (const file of ['plan.json', 'journal.jsonl']) {
      const text = await readFile(join(runDir, file), 'utf8');
      assert.ok(!text.includes(login) && !text.includes(password), `${file} shows the login`);
    }
    const { stdout, ms: again } = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.match(stdout, /nothing to change/i);
    t.measure('run again', `${(again / 1000).toFixed(1)} s`);
  },
});
