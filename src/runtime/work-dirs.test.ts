import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createWorkDirs, workDirs } from './work-dirs.js';

test('the directories are where users look for them', () => {
  const dirs = workDirs({ cwd: '/srv', clusterName: 'demo' });
  expect({
    ...dirs,
    host: dirs.hostWorkDir('m1'),
    cluster: dirs.getClusterWorkDir(),
    certs: [dirs.getCertsDir('etcd'), dirs.getCertsDir('kubernetes')],
    artifacts: ['etcd', 'docker', 'cni-plugins', 'kubectl', 'helm'].map((name) =>
      dirs.getComponentArtifactsDir(name, 'v1', 'arm64'),
    ),
  }).toMatchObject({
    generateWorkDir: '/srv/.kubexm',
    clusterWorkDir: '/srv/.kubexm/demo',
    imagesDir: '/srv/.kubexm/demo/images',
    runsDir: '/srv/.kubexm/demo/runs',
    kubeconfigPath: '/srv/.kubexm/demo/kubeconfig',
    lockFile: '/srv/.kubexm/demo/kubexm.lock',
    knownHostsFile: '/srv/.kubexm/demo/known_hosts',
    host: '/srv/.kubexm/m1',
    cluster: '/srv/.kubexm/demo',
    certs: ['/srv/.kubexm/demo/certs/etcd', '/srv/.kubexm/demo/certs/kubernetes'],
    artifacts: [
      '/srv/.kubexm/demo/etcd/v1/arm64',
      '/srv/.kubexm/demo/container_runtime/docker/v1/arm64',
      '/srv/.kubexm/demo/container_runtime/cni-plugins/v1/arm64',
      '/srv/.kubexm/demo/kubernetes/v1/arm64',
      '/srv/.kubexm/demo/helm/v1/arm64',
    ],
  });
});

test('they are made for their owner alone, as often as asked', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'kubexm-test-'));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  const dirs = workDirs({ cwd, clusterName: 'demo' });
  await createWorkDirs(dirs, ['m1']);
  await createWorkDirs(dirs, ['m1']);
  for (const dir of [
    dirs.generateWorkDir,
    dirs.clusterWorkDir,
    dirs.getCertsDir('etcd'),
    join(dirs.clusterWorkDir, 'certs'),
    dirs.hostWorkDir('m1'),
    dirs.runsDir,
  ]) {
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
  }
});
