import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const template = new URL('../../../templates/certs/renew.sh', import.meta.url);

/** A certificate is a line with the days that it has left. What it makes has 364. */
const kubeadm = `#!/bin/sh
pki=$(sed -n 's/^certificatesDir: //p' "$RUN/certs-renew/config.yaml" 2>/dev/null)
names='apiserver:pki/apiserver.crt admin.conf:admin.conf controller-manager.conf:controller-manager.conf etcd-server:pki/etcd/server.crt apiserver-etcd-client:pki/apiserver-etcd-client.crt'
case "$*" in
*init-defaults*) echo 'certificatesDir: /etc/pki'; echo 'encryptionAlgorithm: RSA-2048' ;;
*check-expiration*)
  echo 'CERTIFICATE   EXPIRES   RESIDUAL TIME'
  for each in $names; do
    file=\${pki%/pki}/\${each#*:}
    [ -f "$file" ] && echo "\${each%%:*}   $(LC_ALL=C date -u -d "+$(sed -n '1s/days //p' "$file") days +1 hour" '+%b %d, %Y %H:%M UTC')   x"
  done
  echo
  echo 'CERTIFICATE AUTHORITY   EXPIRES'
  echo "ca   Jan 01, 2020 00:00 UTC   x" ;;
*renew*)
  for each in $names; do
    [ "$3" = "\${each%%:*}" ] || continue
    file=\${pki%/pki}/\${each#*:}
    printf 'days 364\\n-----END CERTIFICATE-----\\n' >"$file"
    case "$file" in *.crt) echo new >"\${file%.crt}.key" ;; esac
  done ;;
esac
`;
const kubectl = `#!/bin/sh
echo "$*" >>"$RUN/asked"
case "$*" in
*'get nodes'*) echo 10.0.0.1; echo 10.0.0.2 ;;
*"$REFUSED"*) echo 'refused on purpose' >&2; exit 1 ;;
esac
`;
const crictl = `#!/bin/sh
case "$*" in ps*) cat "$RUN/container" 2>/dev/null || echo one ;; stop*) echo two >"$RUN/container" ;; esac
`;
/** There is no other mount namespace for whoever is not root: kubeadm's fake knows where to look. */
const unshare = '#!/bin/sh\nshift 6\nexec "$@"\n';

interface Host {
  /** Days left by path below the host's root. */
  readonly files: Readonly<Record<string, number>>;
  /** Has the key of etcd's CA. */
  readonly signsForEtcd?: boolean;
}

const controlPlane = {
  'etc/kubernetes/pki/apiserver.crt': 5,
  'etc/kubernetes/admin.conf': 5,
  'etc/kubernetes/controller-manager.conf': 200,
};

/** A control plane that is no member of etcd; nothing but what the fakes answer is around it. */
async function hostWith({ files, signsForEtcd = false }: Host) {
  const root = await mkdtemp(join(tmpdir(), 'kubexm-renew-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  for (const [path, days] of Object.entries(files)) {
    await put(path, `days ${days}\n-----END CERTIFICATE-----\n${path.endsWith('apiserver.crt') ? 'behind it\n' : ''}`);
    if (!path.endsWith('.conf')) await put(path.replace(/\.crt$/, '.key').replace(/\.pem$/, '-key.pem'), 'old\n');
  }
  for (const name of ['ca', 'front-proxy-ca'])
    for (const end of ['crt', 'key']) await put(`etc/kubernetes/pki/${name}.${end}`, 'BEGIN CERTIFICATE\n');
  for (const name of ['kube-apiserver', 'kube-controller-manager'])
    await put(
      `etc/kubernetes/manifests/${name}.yaml`,
      '    - --advertise-address=10.0.0.1\n    - --etcd-servers=https://e\n',
    );
  await put('etc/etcd/pki/ca.pem', 'BEGIN CERTIFICATE\n');
  if (signsForEtcd) await put('etc/etcd/pki/ca-key.pem', 'key\n');
  await mkdir(join(root, 'run'));
  for (const [name, text] of Object.entries({ kubeadm, kubectl, crictl, unshare, flock: '#!/bin/sh\n' })) {
    await put(`bin/${name}`, text);
    await chmod(join(root, 'bin', name), 0o755);
  }
  const script = (await readFile(template, 'utf8'))
    .replaceAll('/usr/local/bin', `${root}/bin`)
    .replaceAll(/\/etc\/(kubernetes|etcd)/g, `${root}/etc/$1`)
    .replaceAll('/var/lib/kubexm', `${root}/lib`)
    .replaceAll('/run/kubexm', `${root}/run`)
    .replaceAll(/within \d+ /g, 'within 0 ');
  const read = (path: string) => readFile(join(root, path), 'utf8');
  return {
    read,
    put,
    async run({ refused = 'nothing' }: { readonly refused?: string } = {}) {
      const env = { ...process.env, KUBEXM_WITHIN_DAYS: '30', RUN: join(root, 'run'), REFUSED: refused };
      const result = await promisify(execFile)('sh', ['-c', script], { env }).catch((error: unknown) => error);
      const { code = 0, stderr } = result as { readonly code?: number; readonly stderr: string };
      const last = JSON.parse(await read('lib/certs-renew/last.json')) as { state: string; said: string };
      return {
        code,
        stderr,
        last,
        left: await readdir(join(root, 'run')),
        state: await readdir(join(root, 'lib/certs-renew')),
      };
    },
  };
}

test('what ends soon is made anew with its key, and nothing else; a second run finds nothing to do', async () => {
  const host = await hostWith({ files: controlPlane });
  const first = await host.run();
  expect(first).toMatchObject({ code: 0, last: { state: 'done', said: 'renewed: admin.conf apiserver' } });
  // What lies behind an apiserver's certificate is the way to the CA before.
  expect(await host.read('etc/kubernetes/pki/apiserver.crt')).toBe('days 364\n-----END CERTIFICATE-----\nbehind it\n');
  expect(await host.read('etc/kubernetes/pki/apiserver.key')).toBe('new\n');
  expect(await host.read('etc/kubernetes/controller-manager.conf')).toContain('days 200');
  expect(first.left).not.toContain('container');
  expect([first.left.includes('certs-renew'), first.state]).toEqual([false, ['last.json']]);
  expect((await host.run()).last.said).toBe(
    'nothing ends within 30 days; the first is controller-manager.conf, in 200',
  );
});

test('a component that reads its kubeconfig when it starts is started again with the new one', async () => {
  const host = await hostWith({ files: { ...controlPlane, 'etc/kubernetes/controller-manager.conf': -1 } });
  expect((await host.run()).code).toBe(0);
  expect(await host.read('run/container')).toBe('two\n');
});

test('nothing is begun while another apiserver does not serve', async () => {
  const host = await hostWith({ files: controlPlane });
  const refused = await host.run({ refused: '10.0.0.2:6443' });
  expect(refused).toMatchObject({
    code: 1,
    last: { state: 'failed', said: expect.stringContaining('nothing is renewed') },
  });
  expect(await host.read('etc/kubernetes/pki/apiserver.crt')).toContain('days 5');
  expect(await host.read('run/asked')).toContain('delete lease kubexm-certs-renew');
});

test('what is not accepted is not put to use; what does not serve is put back', async () => {
  for (const refused of ['get --raw=/api', 'only.crt']) {
    const host = await hostWith({ files: controlPlane });
    const { code, last, state } = await host.run({ refused });
    expect([code, last.state, state]).toEqual([1, 'failed', ['last.json']]);
    expect(last.said).toContain('refused on purpose');
    expect(await host.read('etc/kubernetes/pki/apiserver.crt')).toContain('days 5');
    expect(await host.read('etc/kubernetes/pki/apiserver.key')).toBe('old\n');
    expect(await host.read('etc/kubernetes/admin.conf')).toContain('days 5');
  }
});

test('what no key lies here for is said loudly, and the rest is renewed', async () => {
  const files = { ...controlPlane, 'etc/etcd/pki/apiserver-etcd-client.pem': 5 };
  const without = await hostWith({ files });
  const { code, last } = await without.run();
  expect(code).toBe(1);
  expect(last.said).toMatch(/^renewed: admin.conf apiserver; not renewed: apiserver-etcd-client; no key of its CA/);
  const signing = await hostWith({ files, signsForEtcd: true });
  expect((await signing.run()).code).toBe(0);
  expect(await signing.read('etc/etcd/pki/apiserver-etcd-client-key.pem')).toBe('new\n');
});

test('while two CAs are trusted, nothing is signed', async () => {
  const host = await hostWith({ files: controlPlane });
  await host.put('etc/kubernetes/pki/ca.crt', 'BEGIN CERTIFICATE\nBEGIN CERTIFICATE\n');
  expect((await host.run()).last.said).toContain('the rotation of a CA is half done');
});

test('a run that was ended in the middle is gone on with, and forgotten where somebody has put others there', async () => {
  const begun = 'lib/certs-renew/work';
  for (const found of ['days 5\n-----END CERTIFICATE-----\n', 'days 90\n']) {
    const host = await hostWith({ files: { ...controlPlane, 'etc/kubernetes/pki/apiserver.crt': 90 } });
    await host.put('etc/kubernetes/admin.conf', found);
    await host.put(`${begun}/names`, 'admin.conf\n');
    await host.put(`${begun}/commit`, '');
    await host.put(`${begun}/old/admin.conf`, 'days 5\n-----END CERTIFICATE-----\n');
    await host.put(`${begun}/new/admin.conf`, 'days 364\n');
    const { code, state } = await host.run();
    expect([code, state]).toEqual([0, ['last.json']]);
    expect(await host.read('etc/kubernetes/admin.conf')).toBe(found === 'days 90\n' ? found : 'days 364\n');
  }
});
