import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { reconcileServingCertificate } from './serving-certificate.js';

const certificate = '/etc/kubernetes/pki/apiserver.crt';
const joined = Object.fromEntries(
  [
    '/etc/kubernetes/kubelet.conf',
    '/var/lib/kubelet/pki/kubelet-client-current.pem',
    '/etc/kubernetes/manifests/kube-scheduler.yaml',
  ].map((path) => [path, 'x']),
);
const step = reconcileServingCertificate({
  documents: [{ kind: 'ClusterConfiguration', certificatesDir: '/etc/kubernetes/pki' }],
  names: ['lb.example', '10.0.0.100'],
});

const run = promisify(execFile);

async function certificateFor(sans: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'serving-'));
  const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
  const names = ['-subj', '/CN=kube-apiserver', '-addext', `subjectAltName=${sans}`];
  await run('openssl', ['req', '-x509', ...curve, '-out', cert, ...names]);
  const text = readFileSync(cert, 'utf8');
  rmSync(directory, { recursive: true });
  return text;
}

const complete = await certificateFor('DNS:lb.example,DNS:other,IP:10.0.0.100');
const old = await certificateFor('DNS:lb.example');

test('one that has all names, and others, stays', async () => {
  const trial = hostTrial({ files: { ...joined, [certificate]: complete } });
  expect((await trial.precheck(step)).state).toBe('satisfied');
  expect(trial.host.commands).toEqual([]);
});

test('a name that it lacks makes a new one, which the API server is asked for; the way from a CA before stays behind it', async () => {
  const inputs: string[] = [];
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [
      /kubeadm init phase certs apiserver/,
      ({ stdin }, { files }) => {
        inputs.push(stdin);
        files.put(certificate, complete);
        return '';
      },
    ],
    [/kubectl .*--tls-server-name=10\.0\.0\.100 get --raw=\/readyz/, 'ok'],
  ];
  const cross = await certificateFor('DNS:cross');
  const trial = hostTrial({ files: { ...joined, [certificate]: old + cross }, commands });
  const { first, again } = await trial.play(step);
  expect([first, again]).toMatchObject([{ state: 'needed', because: 'it lacks 10.0.0.100' }, { state: 'satisfied' }]);
  // Beside the old one, which stays in place until the new one is whole.
  expect(inputs.join()).toContain('certificatesDir: /run/kubexm/serving-certificate');
  expect(trial.host.files.get(certificate)?.content).toBe(complete + cross);
});

test('a run that was killed before the key was in its place is made up for', async () => {
  const files = { ...joined, [certificate]: complete, '/etc/kubernetes/pki/apiserver.key.kubexm': 'x' };
  expect(await hostTrial({ files }).precheck(step)).toMatchObject({
    state: 'needed',
    because: expect.stringContaining('interrupted'),
  });
});

test('a host that has not joined gets its certificate from the join', async () => {
  expect(await hostTrial({ files: {} }).precheck(step)).toMatchObject({ because: 'it is no control plane yet' });
});
