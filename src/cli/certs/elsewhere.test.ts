import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { generateCACert } from '../../step/index.js';
import { runStep, temporaryDirectory } from '../../step/local-step.fixture.js';
import { runCommandLine } from '../program.js';
import { recordingIo } from '../recording-io.js';

async function setting(certs: object) {
  const cwd = await temporaryDirectory();
  const ca = { cert: join(cwd, 'company.crt'), key: join(cwd, 'company.key') };
  await runStep(generateCACert({ files: ca, subject: { commonName: 'company' } }));
  const spec = {
    hosts: [{ name: 'm1', address: '10.0.0.11' }],
    roleGroups: { etcd: ['m1'], 'control-plane': ['m1'], worker: ['m1'] },
    global: { user: 'root', privateKeyPath: '/srv/id' },
    certs,
  };
  const config = { apiVersion: 'kubexms.io/v1alpha1', kind: 'Cluster', metadata: { name: 'prod' }, spec };
  await writeFile(join(cwd, 'cluster.yaml'), JSON.stringify(config));
  const kubexm = async (...argv: string[]) => {
    const io = recordingIo({ cwd });
    return {
      code: await runCommandLine(['certs', ...argv, '-f', join(cwd, 'cluster.yaml')], io),
      out: io.out(),
      err: io.err(),
    };
  };
  const sign = (path: string) => {
    const by = ['-CA', ca.cert, '-CAkey', ca.key, '-days', '90', '-copy_extensions', 'copyall'];
    return promisify(execFile)('openssl', ['x509', '-req', '-in', `${path}.csr`, ...by, '-out', `${path}.crt`]);
  };
  return { cwd, kubexm, sign };
}

test('requests come out, certificates come in, and what is left is told; no host is asked', async () => {
  const { cwd, kubexm, sign } = await setting({ ca: { certFile: 'company.crt' } });
  const asked = await kubexm('csr', 'requests', '-o', 'json');
  expect(asked.code).toBe(0);
  const { requests } = JSON.parse(asked.out) as { requests: { host: string; name: string }[] };
  expect(requests.map(({ host, name }) => `${host}/${name}`)).toEqual([
    'm1/apiserver',
    'm1/apiserver-kubelet-client',
    'm1/admin.conf',
    'm1/super-admin.conf',
    'm1/controller-manager.conf',
    'm1/scheduler.conf',
    'm1/kubelet',
    'control-node/admin',
  ]);
  for (const { host, name } of requests) await sign(join(cwd, 'requests', host, name));
  const kubelet = join(cwd, 'requests', 'm1', 'kubelet.crt');
  const signed = await readFile(kubelet);

  await writeFile(kubelet, await readFile(join(cwd, 'requests', 'm1', 'apiserver.crt')));
  const refused = await kubexm('import-signed', 'requests');
  expect(refused.code).toBe(4);
  expect(refused.err).toContain('m1/kubelet.crt: it has another public key than the request');

  await rm(kubelet);
  const some = await kubexm('import-signed', 'requests');
  expect([some.code, some.out]).toEqual([3, '7 certificates stored, 0 there already.\n']);
  expect(some.err).toContain('kubelet of m1: nothing was signed for its request');

  await writeFile(kubelet, signed);
  const all = await kubexm('import-signed', 'requests');
  expect([all.code, all.out]).toEqual([0, '1 certificate stored, 7 there already.\n']);
  expect((await kubexm('csr', 'requests')).out).toContain('0 requests of 8 certificates');
});

test('where kubexm has the keys of all CAs there is nothing to request', async () => {
  const { kubexm } = await setting({});
  const { code, err } = await kubexm('csr', 'requests');
  expect(code).toBe(2);
  expect(err).toContain('kubexm signs all certificates of this cluster itself');
});
