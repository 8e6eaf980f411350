import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256File } from '../../util/sha256-file.js';
import { hostTrial } from '../host-step.fixture.js';
import { runStep, temporaryDirectory } from '../local-step.fixture.js';
import { generateCACert } from '../pki/ca-cert.js';
import { fileDigest } from '../pki/digest.js';
import { generateSignedCert } from '../pki/signed-cert.js';
import { placeServingPair } from './serving-pair.js';

const target = { cert: '/etc/kubernetes/pki/apiserver.crt', key: '/etc/kubernetes/pki/apiserver.key' };
const server = 'https://10.0.0.11:6443';
const joined = Object.fromEntries(
  [
    '/etc/kubernetes/kubelet.conf',
    '/var/lib/kubelet/pki/kubelet-client-current.pem',
    '/etc/kubernetes/manifests/kube-scheduler.yaml',
  ].map((path) => [path, 'x']),
);

/** `serves`: whether the apiserver answers before, and with the new certificate. */
async function setting({
  files = {},
  serves,
}: {
  files?: Record<string, string>;
  serves: readonly [boolean, boolean];
}) {
  const dir = await temporaryDirectory();
  const pair = (name: string) => ({ cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) });
  const source = pair('apiserver-m1');
  await runStep(generateCACert({ files: pair('ca'), subject: { commonName: 'company' } }));
  const subject = { commonName: 'kube-apiserver' };
  await runStep(generateSignedCert({ files: source, ca: pair('ca'), subject, usages: ['server'] }));
  const answer = (isServed: boolean) => (isServed ? 'ok' : { exitCode: 1, stderr: 'x509: unknown authority' });
  const trial = hostTrial({
    files: { ...files, [target.cert]: 'old', [target.key]: 'old' },
    outputs: Object.fromEntries(
      await Promise.all(
        [source.cert, source.key].map(async (path) => [fileDigest(path).$output, await sha256File(path)] as const),
      ),
    ),
    commands: [
      [
        /^mv -f /,
        (_, host) => {
          for (const path of [target.key, target.cert]) host.files.put(path, host.files.get(`${path}.new`) ?? '');
          return '';
        },
      ],
      [/^set -e; mkdir -p \/run\/kubexm; only=/, answer(serves[1])],
      [/kubectl .*--server=https:\/\/10\.0\.0\.11:6443 get --raw=\/readyz/, answer(serves[0])],
    ],
  });
  return { trial, step: placeServingPair({ source, target, server, waitMs: 20 }) };
}

const proofs = (commands: readonly string[]) => commands.filter((text) => text.includes('only=')).length;

describe('placeServingPair', () => {
  test('what it has installed is served, or it fails', async () => {
    const good = await setting({ files: joined, serves: [true, true] });
    const { first, again } = await good.trial.play(good.step);
    expect([first.state, again?.state, proofs(good.trial.host.commands)]).toEqual(['needed', 'satisfied', 1]);
    const bad = await setting({ files: joined, serves: [true, false] });
    await expect(bad.trial.play(bad.step)).rejects.toMatchObject({ code: 'STEP_NOT_EFFECTIVE' });
  });

  test('an apiserver that did not answer before is left to what mends it, with a warning', async () => {
    const { trial, step } = await setting({ files: joined, serves: [false, false] });
    expect((await trial.play(step)).again?.state).toBe('satisfied');
    expect(trial.logs).toEqual([
      'warn: https://10.0.0.11:6443 did not answer before, and does not with its new certificate',
    ]);
    const over = await setting({ files: joined, serves: [false, true] });
    await over.trial.play(over.step);
    expect([over.trial.logs, proofs(over.trial.host.commands)]).toEqual([[], 1]);
  });

  test('a control plane that has not joined yet is asked nothing', async () => {
    const { trial, step } = await setting({ serves: [false, false] });
    expect((await trial.play(step)).again?.state).toBe('satisfied');
    expect(proofs(trial.host.commands)).toBe(0);
  });
});
