import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { checkKubernetesVersion } from './check-version.js';

const step = checkKubernetesVersion({ version: 'v1.34.4' });

function answering(stdout: string) {
  return hostTrial({ commands: [[/kubelet --version/, stdout]] });
}

test('a host that is no node may get any version', async () => {
  const { precheck } = answering('');
  expect(await precheck(step)).toMatchObject({ state: 'satisfied', because: 'it is no node yet' });
});

test('a node that runs this version', async () => {
  const { precheck } = answering('Kubernetes v1.34.4\nkube-apiserver:v1.34.4\n');
  expect(await precheck(step)).toMatchObject({ state: 'satisfied', because: 'it runs v1.34.4' });
});

test.each([
  ['Kubernetes v1.33.13\n', 'its kubelet is v1.33.13'],
  ['Kubernetes v1.34.4\nkube-apiserver:v1.33.13\n', 'its kube-apiserver is v1.33.13'],
])('a node that runs another version is refused: %j', async (stdout, message) => {
  const { precheck } = answering(stdout);
  await expect(precheck(step)).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    message: expect.stringContaining(message) as string,
    hint: expect.stringMatching(/kubexm cluster upgrade --to v1\.34\.4; or stay, .*v1\.33\.13/) as string,
  });
});

test('a config that was not edited after an upgrade is not offered the way back', async () => {
  const { precheck } = answering('Kubernetes v1.34.10\nkube-apiserver:v1.34.10\n');
  await expect(precheck(step)).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    hint: expect.stringMatching(/write spec\.kubernetes\.version: v1\.34\.10 into the config/) as string,
  });
});
