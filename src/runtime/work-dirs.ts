import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arch, CertsComponent, WorkDirs } from '../common/work-dirs.js';

const containerRuntime = ['containerd', 'runc', 'cni-plugins', 'docker', 'cri-dockerd', 'crictl'];
const kubernetes = ['kubelet', 'kubeadm', 'kubectl'];

/** The work directories of a cluster; pure: `createWorkDirs` makes them. */
export function workDirs({ cwd, clusterName }: { readonly cwd: string; readonly clusterName: string }): WorkDirs {
  const generateWorkDir = join(cwd, '.kubexm');
  const clusterWorkDir = join(generateWorkDir, clusterName);
  return Object.freeze({
    generateWorkDir,
    clusterWorkDir,
    imagesDir: join(clusterWorkDir, 'images'),
    runsDir: join(clusterWorkDir, 'runs'),
    kubeconfigPath: join(clusterWorkDir, 'kubeconfig'),
    lockFile: join(clusterWorkDir, 'kubexm.lock'),
    knownHostsFile: join(clusterWorkDir, 'known_hosts'),
    cacheFile: join(clusterWorkDir, 'cache.json'),
    etcdBackupsDir: join(clusterWorkDir, 'backups', 'etcd'),
    hostWorkDir: (hostname: string) => join(generateWorkDir, hostname),
    getClusterWorkDir: () => clusterWorkDir,
    getCertsDir: (component: CertsComponent) => join(clusterWorkDir, 'certs', component),
    getComponentArtifactsDir: (name: string, version: string, arch: Arch) =>
      join(clusterWorkDir, componentDir(name), version, arch),
  });
}

/** Makes the directories that every run needs, and one for each host; all 0700. */
export async function createWorkDirs(dirs: WorkDirs, hostnames: readonly string[] = []): Promise<void> {
  const needed = [
    dirs.clusterWorkDir,
    dirs.getCertsDir('etcd'),
    dirs.getCertsDir('kubernetes'),
    dirs.imagesDir,
    dirs.runsDir,
    ...hostnames.map((hostname) => dirs.hostWorkDir(hostname)),
  ];
  for (const dir of needed) await mkdir(dir, { recursive: true, mode: 0o700 });
}

/** etcd and whatever has no family of its own get a directory of their name. */
function componentDir(name: string): string {
  if (containerRuntime.includes(name)) return join('container_runtime', name);
  return kubernetes.includes(name) ? 'kubernetes' : name;
}
