import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { runStep, temporaryDirectory } from '../local-step.fixture.js';
import { generateCACert } from '../pki/ca-cert.js';
import { clusterInfoCa, formerCaUnpublished, frontProxyPublished, podsTrust, warnOfCopies } from './cluster-ca.js';

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
  const look = (answer: string, asked = step) =>
    hostTrial({ commands: [[/get configmaps -A/, answer]] }).precheck(asked);
  const among = podsTrust({ authority: await authority(), among: true });
  expect((await look(items(`old${pem}`), among)).state).toBe('satisfied');
  expect((await look(items(pem, 'old'), among)).state).toBe('needed');
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

/** Two CAs, and an API whose apiservers put the first back so many times. */
async function published(putBack: number) {
  const directory = await temporaryDirectory();
  const pair = (name: string) => ({ cert: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) });
  for (const name of ['former', 'next'])
    await runStep(generateCACert({ files: pair(name), subject: { commonName: 'x' } }));
  const [former, next] = await Promise.all(['former', 'next'].map((name) => readFile(pair(name).cert, 'utf8')));
  const both = `${former}${next}`;
  const data: Record<string, string> = { 'client-ca-file': both, 'requestheader-client-ca-file': both };
  let left = putBack;
  const trial = hostTrial({
    commands: [
      [/get configmap extension/, () => JSON.stringify({ data })],
      [
        /patch configmap extension/,
        ({ text }) => {
          const patch = JSON.parse(/'(\{.*\})'/.exec(text)?.[1] ?? '') as { data: Record<string, string> };
          if (left > 0) left -= 1;
          else Object.assign(data, patch.data);
          return '';
        },
      ],
    ],
  });
  const files = { former: pair('former').cert, authority: pair('next').cert };
  return { trial, data, both, next, files };
}

test('the old CA is taken out of what aggregated APIs are told, and nothing else is', async () => {
  const { trial, data, both, next, files } = await published(1);
  const step = formerCaUnpublished({ ...files, field: 'client-ca-file', settleMs: 20 });
  expect((await trial.play(step)).again?.state).toBe('satisfied');
  expect(data).toEqual({ 'client-ca-file': next, 'requestheader-client-ca-file': both });
  // Of a rotation whose end was interrupted: the two are the same by then.
  const same = formerCaUnpublished({ field: 'client-ca-file', former: files.authority, authority: files.authority });
  expect((await trial.precheck(same)).state).toBe('satisfied');
});

test('an apiserver that puts the old CA back is told of', async () => {
  const { trial, files } = await published(99);
  const step = formerCaUnpublished({ ...files, field: 'client-ca-file', settleMs: 10 });
  await expect(trial.play(step)).rejects.toMatchObject({ details: ['an apiserver puts it back'] });
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
