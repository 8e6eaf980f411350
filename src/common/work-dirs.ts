/** The machine types that kubexm brings artifacts for, in the words of their download URLs. */
export type Arch = 'amd64' | 'arm64';

/** Components that have certificates; names of directories below `certs/`. */
export type CertsComponent = 'etcd' | 'kubernetes';

/** The control machine's directories of one cluster. Absolute paths; all directories are 0700. */
export interface WorkDirs {
  /** `$(pwd)/.kubexm` */
  readonly generateWorkDir: string;
  /** `.kubexm/<cluster>`; the same as `getClusterWorkDir()`. */
  readonly clusterWorkDir: string;
  /** `.kubexm/<cluster>/images` */
  readonly imagesDir: string;
  /** `.kubexm/<cluster>/runs`: one directory a run. */
  readonly runsDir: string;
  /** `.kubexm/<cluster>/kubeconfig`: the administrator's, 0600. */
  readonly kubeconfigPath: string;
  /** `.kubexm/<cluster>/kubexm.lock`: the digests that the cluster's artifacts are pinned to. */
  readonly lockFile: string;
  /** `.kubexm/<cluster>/known_hosts`: host keys recorded on first use. */
  readonly knownHostsFile: string;
  /** `.kubexm/<cluster>/cache.json`: checksums and facts; safe to delete. */
  readonly cacheFile: string;
  /** `.kubexm/<cluster>/backups/etcd`: snapshots with their metadata. */
  readonly etcdBackupsDir: string;
  /** `.kubexm/<hostname>`: files made for one host. */
  hostWorkDir(hostname: string): string;
  getClusterWorkDir(): string;
  /** `.kubexm/<cluster>/certs/<component>` */
  getCertsDir(component: CertsComponent): string;
  /**
   * `etcd/<version>/<arch>`, `container_runtime/<name>/<version>/<arch>` or `kubernetes/<version>/<arch>` below the
   * cluster's directory, by the component's name.
   */
  getComponentArtifactsDir(name: string, version: string, arch: Arch): string;
}
