import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { generateCACert, generateKubeconfig, generateSignedCert } from '../../step/index.js';
import { runStep, temporaryDirectory } from '../../step/local-step.fixture.js';
import { runCommandLine } from '../program.js';
import { recordingIo } from '../recording-io.js';

/** The API servers' own, on addresses that nobody else is likely to use. */
const port = 6443;

/** A cluster whose control planes are addresses of this machine; those that are named serve. */
async function clusterWith({ serving, ready = 200 }: { readonly serving: readonly string[]; readonly ready?: number }) {
  const cwd = await temporaryDirectory();
  const certs = join(cwd, '.kubexm/demo/certs/kubernetes');
  const files = (name: string) => ({ cert: join(certs, `${name}.crt`), key: join(certs, `${name}.key`) });
  await mkdir(certs, { recursive: true, mode: 0o700 });
  const ca = files('ca');
  await runStep(generateCACert({ files: ca, subject: { commonName: 'kubernetes' } }));
  const leaf = { ca };
  await runStep(
    generateSignedCert({
      ...leaf,
      files: files('server'),
      subject: { commonName: 'kube-apiserver' },
      usages: ['server'],
      sans: { ips: ['127.64.43.1', '127.64.43.2', '127.64.43.3'] },
    }),
  );
  await runStep(
    generateSignedCert({ ...leaf, files: files('admin'), subject: { commonName: 'admin' }, usages: ['client'] }),
  );
  const [key, cert, caCert] = await Promise.all(
    [files('server').key, files('server').cert, ca.cert].map((path) => readFile(path)),
  );
  const asked: string[] = [];
  const options = { key, cert, ca: caCert, requestCert: true, rejectUnauthorized: true };
  for (const address of serving) {
    const server = createServer(options, (request, response) => {
      asked.push(`${address}${request.url ?? ''}`);
      response.writeHead(ready).end('ok');
    });
    await new Promise<void>((resolve) => server.listen(port, address, resolve));
    onTestFinished(() => void server.close());
  }
  const addresses = ['127.64.43.1', '127.64.43.2', '127.64.43.3'];
  const names = addresses.map((_, index) => `m${index + 1}`);
  await writeFile(
    join(cwd, 'cluster.yaml'),
    JSON.stringify({
      apiVersion: 'kubexms.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'demo' },
      spec: {
        hosts: names.map((name, index) => ({ name, address: addresses[index] })),
        global: { agent: true },
        roleGroups: { etcd: names, 'control-plane': names },
        controlPlaneEndpoint: { port },
      },
    }),
  );
  const url = (address: string) => `https://${address}:${port}`;
  const path = join(cwd, '.kubexm/demo/kubeconfig');
  const user = { clusterName: 'demo', user: 'admin', ca: ca.cert, client: files('admin') };
  const step = generateKubeconfig({ ...user, path, servers: addresses.map(url) });
  await runStep(step);
  const kubeconfig = async () => {
    const io = recordingIo({ cwd });
    const code = await runCommandLine(['cluster', 'kubeconfig', '-f', join(cwd, 'cluster.yaml')], io);
    return { code, out: io.out(), err: io.err() };
  };
  return { url, path, step, asked, kubeconfig };
}

test('names the first control plane as long as it serves', async () => {
  const { url, kubeconfig, asked } = await clusterWith({ serving: ['127.64.43.1', '127.64.43.2'] });
  const { code, out, err } = await kubeconfig();
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain(`server: ${url('127.64.43.1')}\n`);
  expect(asked).toContain('127.64.43.1/readyz');
});

test('names the first one that serves when that is down, in the file too, and the next run leaves it so', async () => {
  const { url, path, step, kubeconfig } = await clusterWith({ serving: ['127.64.43.3', '127.64.43.2'] });
  const before = await readFile(path, 'utf8');
  const { code, out, err } = await kubeconfig();
  expect(code).toBe(0);
  expect(err).toBe(`${url('127.64.43.1')} does not answer; the kubeconfig names ${url('127.64.43.2')} now\n`);
  expect(out).toBe(before.replace(url('127.64.43.1'), url('127.64.43.2')));
  expect(await readFile(path, 'utf8')).toBe(out);
  expect((await runStep(step)).first.state).toBe('satisfied');
  expect(await kubeconfig()).toEqual({ code: 0, out, err: '' });
});

test.each([
  ['answers', { serving: [] }],
  ['is ready', { serving: ['127.64.43.1', '127.64.43.2'], ready: 500 }],
])('where no control plane %s, the kubeconfig stays and that is said', async (_, setting) => {
  const { url, path, kubeconfig } = await clusterWith(setting);
  const before = await readFile(path, 'utf8');
  const { code, out, err } = await kubeconfig();
  expect([code, out]).toEqual([0, before]);
  expect(err).toMatch(/^no control plane answers at .*; the kubeconfig names /);
  expect(err).toContain(url('127.64.43.1'));
});
