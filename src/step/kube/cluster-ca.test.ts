import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { clusterInfoCa, frontProxyPublished, podsTrust, warnOfCopies } from './cluster-ca.js';

const pem = '-----BEGIN CERTIFICATE-----\nbmV3IGNhIG9mIHRoZSBjbHVzdGVy\n-----END CERTIFICATE-----\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');

async function authority(): Promise<string> {
  const path = join(await temporaryDirectory(), 'ca.crt');
  await writeFile(path, pem);
  return path;
}

test('cluster-info gets the CA and keeps the rest; where there is none, none is made', async () => {
  let kubeconfig = `clusters:\n- cluster:\n    certificate-authority-data: ${base64('old')}\n    server: https://lb:6443\n`;
  const step = clusterInfoCa({ authority: await authority() });
  const trial = hostTrial({
    commands: [
      [/get configmap cluster-info/, () => JSON.stringify({ data: { kubeconfig } })],
      [
        /patch configmap cluster-info/,
        ({ text }) => {
          const patch = JSON.parse(/'(\{.*\})'/.exec(text)?.[1] ?? '') as { data: { kubeconfig: string } };
          kubeconfig = patch.data.kubeconfig;
          return '';
        },
      ],
    ],
  });
  expect((await trial.play(step)).again?.state).toBe('satisfied');
  expect(kubeconfig).toBe(
    `clusters:\n- cluster:\n    certificate-authority-data: ${base64(pem)}\n    server: https://lb:6443\n`,
  );
  const none = hostTrial({ commands: [[/get configmap cluster-info/, '']] });
  expect((await none.precheck(step)).state).toBe('satisfied');
});

test('pods have the CA when every namespace has it and no other', async () => {
  const step = podsTrust({ authority: await authority() });
  const items = (...texts: string[]) =>
    JSON.stringify({
      items: texts.map((text, index) => ({ metadata: { namespace: `n${index}` }, data: { 'ca.crt': text } })),
    });
  const look = (answer: string) => hostTrial({ commands: [[/get configmaps -A/, answer]] }).precheck(step);
  expect(await look(items(pem, pem))).toMatchObject({ state: 'satisfied' });
  expect(await look(items(pem, `old${pem}`))).toMatchObject({ state: 'needed', because: 'n1 have another' });
  const down = hostTrial({ commands: [[/get configmaps -A/, { exitCode: 1, stderr: 'refused' }]] });
  expect(await down.precheck(step)).toMatchObject({ state: 'needed', because: 'the API does not answer: refused' });
});

test('aggregated APIs are told of the front-proxy CA when the ConfigMap has it', async () => {
  const step = frontProxyPublished({ authority: await authority() });
  const look = (text: string) =>
    hostTrial({
      commands: [
        [/extension-apiserver-authentication/, JSON.stringify({ data: { 'requestheader-client-ca-file': text } })],
      ],
    }).precheck(step);
  expect((await look(`old\n${pem}`)).state).toBe('satisfied');
  expect((await look('old')).state).toBe('needed');
});

test('a webhook with a copy of the CA is named', async () => {
  const item = (name: string, caBundle: string) => ({
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [{ clientConfig: { caBundle } }],
  });
  const trial = hostTrial({
    commands: [[/get validating/, JSON.stringify({ items: [item('a', base64(pem)), item('b', base64('another'))] })]],
  });
  await trial.precheck(warnOfCopies({ authority: await authority() }));
  expect(trial.logs).toEqual([expect.stringContaining('ValidatingWebhookConfiguration a has the old CA')]);
});
