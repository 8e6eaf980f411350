import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { runStep, temporaryDirectory } from '../local-step.fixture.js';
import { generateCACert } from '../pki/ca-cert.js';
import { generateSignedCert } from '../pki/signed-cert.js';
import { checkApiServed } from './api-served.js';
import { kubeletClient } from './kubelet-client.js';

const current = '/var/lib/kubelet/pki/kubelet-client-current.pem';

async function setting() {
  const dir = await temporaryDirectory();
  const pair = (name: string) => ({ cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) });
  await runStep(generateCACert({ files: pair('ca'), subject: { commonName: 'kubernetes' } }));
  const client = pair('kubelet');
  await runStep(
    generateSignedCert({
      files: client,
      ca: pair('ca'),
      subject: { commonName: 'system:node:w1' },
      usages: ['client'],
    }),
  );
  return { client, step: kubeletClient({ nodeName: 'w1', client }) };
}

describe('kubeletClient', () => {
  test('the kubelet has it, with whatever key, and was started with it', async () => {
    const { client, step } = await setting();
    const shown = await readFile(client.cert, 'utf8');
    const kubelet = (startedAt: number) =>
      hostTrial({
        files: { [current]: { content: shown, mtime: 100 } },
        services: { kubelet: { active: 'active', activeSince: startedAt } },
        commands: [[/^\[ ! -e/, shown]],
      });
    expect(await kubelet(101).precheck(step)).toEqual({ state: 'satisfied', because: 'it has it' });
    expect(await kubelet(99).precheck(step)).toMatchObject({ because: `${current} was written after its start` });
  });

  test('another one, or none, is a reason', async () => {
    const { step } = await setting();
    const other = await setting();
    const look = (text: string) => hostTrial({ commands: [[/^\[ ! -e/, text]] }).precheck(step);
    expect(await look('')).toMatchObject({ state: 'needed', because: 'it has none' });
    expect(await look(await readFile(other.client.cert, 'utf8'))).toMatchObject({ because: 'it has another one' });
  });

  test('certificate and key come in one file, closed to others, before the link leads to it and the kubelet starts', async () => {
    const { client, step } = await setting();
    const trial = hostTrial({
      commands: [
        [/^ln -sfn .* && mv -fT/, ''],
        [/^date \+%s && systemctl restart kubelet/, { exitCode: 1, stderr: 'stop here' }],
      ],
    });
    await expect(step.run(trial.ctx, undefined)).rejects.toThrow();
    const [link = ''] = trial.host.commands;
    const file = /^ln -sfn (\S+) /.exec(link)?.[1] ?? '';
    expect(file).toMatch(/^\/var\/lib\/kubelet\/pki\/kubelet-client-[0-9a-f]+\.pem$/);
    expect(link).toContain(current);
    const [cert, key] = await Promise.all([readFile(client.cert, 'utf8'), readFile(client.key, 'utf8')]);
    expect(trial.host.files.get(file)).toMatchObject({ content: cert + key, mode: 0o600 });
    expect(trial.host.commands[1]).toContain('systemctl restart kubelet');
    expect(trial.host.commands.join()).not.toContain('PRIVATE KEY');
  });
});

test('an apiserver that serves another certificate fails, with what it says', async () => {
  const step = checkApiServed({
    server: 'https://10.0.0.11:6443',
    certificate: '/etc/kubernetes/pki/apiserver.crt',
    waitMs: 0,
  });
  const look = (answer: { exitCode: number; stderr: string }) =>
    hostTrial({ commands: [[/--certificate-authority="\$only" get --raw=\/readyz/, answer]] }).precheck(step);
  expect((await look({ exitCode: 0, stderr: '' })).state).toBe('satisfied');
  await expect(look({ exitCode: 1, stderr: 'x509: unknown authority\n' })).rejects.toMatchObject({
    code: 'STEP_NOT_EFFECTIVE',
    details: ['x509: unknown authority'],
  });
});
