import { homedir } from 'node:os';
import { join } from 'node:path';

/** Everything of the running lab; `down` removes it. */
export const stateDir = '/var/lib/kubexm-lab';

export const statePaths = {
  record: join(stateDir, 'state.json'),
  privateKey: join(stateDir, 'id_ed25519'),
  publicKey: join(stateDir, 'id_ed25519.pub'),
  sudoPassword: join(stateDir, 'ops-password'),
  clusterYaml: join(stateDir, 'cluster.yaml'),
  /** Read-only overlay layer that all hosts share, on top of the root filesystem. */
  layer: join(stateDir, 'layer'),
  /** Link to the cached root filesystem: the cache's own path may hold characters that overlayfs reads as separators. */
  rootfs: join(stateDir, 'rootfs'),
  hosts: join(stateDir, 'hosts'),
  trash: join(stateDir, 'trash'),
  mirror: join(stateDir, 'mirror'),
};

export function hostPaths(name: string) {
  const dir = join(statePaths.hosts, name);
  return {
    dir,
    upper: join(dir, 'upper'),
    work: join(dir, 'work'),
    merged: join(dir, 'merged'),
    data: join(dir, 'data'),
    console: join(dir, 'console.log'),
    launcher: join(dir, 'launch.sh'),
    process: join(dir, 'process.json'),
  };
}

/** What outlives the lab: the root filesystem and the ssh host keys. Outside of any checkout. */
export function cacheDir(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment['KUBEXM_LAB_CACHE'];
  if (own) return own;
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'kubexm-lab');
}
