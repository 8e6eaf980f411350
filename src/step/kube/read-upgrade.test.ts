import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { readDeprecatedApis, readNodeVersions } from './read-upgrade.js';

test('a kubeadm that an interrupted run has left at work is waited for before anything is asked', async () => {
  let looks = 0;
  const trial = hostTrial({
    commands: [
      [/^systemctl show -p ActiveState --value kubexm-kubeadm/, () => ((looks += 1) < 2 ? 'active\n' : 'inactive\n')],
      [/get --raw=\/metrics/, () => (looks < 2 ? { exitCode: 1, stderr: 'connection refused' } : '')],
    ],
  });
  const step = readDeprecatedApis({ report: 'apis', server: 'https://10.0.0.11:6443' });
  expect(await trial.precheck(step)).toEqual({ state: 'satisfied', because: '0 are in use' });
  expect(looks).toBe(2);
});

test('what a node has in place, what runs, and that an upgrade of it is open', async () => {
  const trial = hostTrial({
    files: { '/var/lib/kubexm/kubelet-upgrade.json': '{}' },
    commands: [
      [/^systemctl show -p ActiveState --value kubexm-kubeadm/, 'inactive\n'],
      [/kubelet; \[ ! -x/, 'installed Kubernetes v1.34.4\nrunning Kubernetes v1.33.13\n'],
      [/grep -oE/, 'image: registry.k8s.io/kube-apiserver:v1.34.4\nimage: registry.k8s.io/kube-scheduler:v1.33.13\n'],
    ],
  });
  let told: unknown;
  const ctx = { ...trial.ctx, log: (_level: string, _name: string, data?: unknown) => (told = data) };
  await readNodeVersions({ report: 'versions' }).precheck(ctx);
  expect(told).toEqual({
    installed: 'v1.34.4',
    running: 'v1.33.13',
    controlPlane: { 'kube-apiserver': 'v1.34.4', 'kube-scheduler': 'v1.33.13' },
    begun: true,
  });
});
