import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { kubeconfigCredentials } from './kubeconfig-credentials.js';

const path = '/etc/kubernetes/scheduler.conf';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const kubeconfig = (user: object, cluster: object = { 'certificate-authority-data': base64('old ca') }) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'kubernetes', cluster: { server: 'https://10.0.0.11:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    'current-context': 'c',
  });

async function setting(text?: string, mode = 0o600) {
  const dir = await temporaryDirectory();
  const file = async (name: string, content: string) => {
    const at = join(dir, name);
    await writeFile(at, content);
    return at;
  };
  const [ca, cert, key] = [await file('ca', 'new ca'), await file('cert', 'new cert'), await file('key', 'new key')];
  const trial = hostTrial({
    files: text === undefined ? {} : { [path]: { content: text, mode } },
  });
  const client = { cert, key };
  const content = () => parse(trial.host.files.get(path)?.content ?? '') as Record<string, never[]>;
  return { trial, ca, client, content };
}

describe('kubeconfigCredentials', () => {
  test('certificate, key and CA are put in; address and names stay; no second time', async () => {
    const { trial, ca, client, content } = await setting(kubeconfig({ 'client-certificate-data': base64('old') }));
    const { first, again } = await trial.play(kubeconfigCredentials({ path, ca, client }));
    expect(first).toMatchObject({ state: 'needed', because: 'it has others' });
    expect(again).toEqual({ state: 'satisfied', because: 'they are in it' });
    expect(content()).toMatchObject({
      clusters: [
        {
          name: 'kubernetes',
          cluster: { server: 'https://10.0.0.11:6443', 'certificate-authority-data': base64('new ca') },
        },
      ],
      users: [{ name: 'u', user: { 'client-certificate-data': base64('new cert') } }],
      'current-context': 'c',
    });
    expect(trial.host.files.get(path)?.mode).toBe(0o600);
  });

  test('only the CA: who the user is stays', async () => {
    const user = { 'client-certificate': '/var/lib/kubelet/pki/kubelet-client-current.pem' };
    const { trial, ca, content } = await setting(kubeconfig(user));
    await trial.play(kubeconfigCredentials({ path, ca }));
    expect(content().users).toEqual([{ name: 'u', user }]);
  });

  test('a host that has no such kubeconfig gets none; one open to others is closed; another text is an error', async () => {
    const none = await setting();
    expect((await none.trial.precheck(kubeconfigCredentials({ path, ca: none.ca }))).state).toBe('satisfied');
    const open = await setting(kubeconfig({}, { 'certificate-authority-data': base64('new ca') }), 0o644);
    await open.trial.play(kubeconfigCredentials({ path, ca: open.ca }));
    expect(open.trial.host.files.get(path)?.mode).toBe(0o600);
    const odd = await setting('no: kubeconfig');
    await expect(odd.trial.precheck(kubeconfigCredentials({ path, ca: odd.ca }))).rejects.toMatchObject({
      code: 'PKI_BROKEN',
    });
  });
});
