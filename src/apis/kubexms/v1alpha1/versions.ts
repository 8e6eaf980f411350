import type { Cluster } from './types.js';

/** What goes together with one Kubernetes minor. `pause`, `coredns` and `leastEtcd` are kubeadm's own constants. */
export interface VersionSet {
  readonly etcd: string;
  /** The oldest etcd that kubeadm of this minor accepts. */
  readonly leastEtcd: string;
  readonly containerd: string;
  readonly docker: string;
  readonly runc: string;
  readonly cniPlugins: string;
  readonly crictl: string;
  readonly criDockerd: string;
  readonly pause: string;
  readonly coredns: string;
  readonly flannel: string;
  readonly flannelCniPlugin: string;
}

/** What kubexm installs when the config names no version. */
export const defaultKubernetesVersion = 'v1.34.4';

/** Minors below this one are refused: their kubeadm and CRI differ in ways that nothing here looks after. */
export const oldestMinor = 29;

const shared = {
  containerd: '2.1.9',
  docker: '28.5.2',
  runc: 'v1.3.6',
  cniPlugins: 'v1.9.1',
  criDockerd: 'v0.4.0',
  flannel: 'v0.28.4',
  flannelCniPlugin: 'v1.9.1-flannel1',
} as const;
// 3.5.26 is the first 3.5 from which etcd upgrades to 3.6.
const etcd35 = { etcd: 'v3.5.26', leastEtcd: 'v3.5.24' } as const;
const etcd36 = { etcd: 'v3.6.14', leastEtcd: 'v3.5.24' } as const;

/** Kubernetes minor → what is installed beside it. */
export const versionTable: Readonly<Record<string, VersionSet>> = {
  '1.29': { ...shared, ...etcd35, leastEtcd: 'v3.4.13', crictl: 'v1.29.0', pause: '3.9', coredns: 'v1.11.1' },
  '1.30': { ...shared, ...etcd35, leastEtcd: 'v3.4.13', crictl: 'v1.30.1', pause: '3.9', coredns: 'v1.11.3' },
  '1.31': { ...shared, ...etcd35, crictl: 'v1.31.1', pause: '3.10', coredns: 'v1.11.3' },
  '1.32': { ...shared, ...etcd35, crictl: 'v1.32.0', pause: '3.10', coredns: 'v1.11.3' },
  '1.33': { ...shared, ...etcd35, crictl: 'v1.33.0', pause: '3.10', coredns: 'v1.12.0' },
  '1.34': { ...shared, ...etcd36, crictl: 'v1.34.0', pause: '3.10.1', coredns: 'v1.12.1' },
  '1.35': { ...shared, ...etcd36, crictl: 'v1.35.0', pause: '3.10.1', coredns: 'v1.13.1' },
  '1.36': { ...shared, ...etcd36, crictl: 'v1.36.0', pause: '3.10.2', coredns: 'v1.14.2' },
};

/** The newest minor of the table, as a number: 36. */
export const newestMinor = Math.max(...Object.keys(versionTable).map((minor) => Number(minor.slice(2))));

/** The number after `v1.`: 34 for v1.34.4. */
export function minorOf(kubernetesVersion: string): number {
  return Number(/^v1\.(\d+)\./.exec(kubernetesVersion)?.[1] ?? Number.NaN);
}

/** Whether `version` comes before `other`, with or without v; what follows the three numbers does not count. */
export function isOlder(version: string, other: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(other)];
  const i = a.findIndex((number, n) => number !== b[n]);
  return i >= 0 && (a[i] ?? 0) < (b[i] ?? 0);
}

function numbersOf(version: string): readonly number[] {
  return (/^v?(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
}

/** The row for a version; newer than the table: the newest row; older: the oldest. */
export function versionsFor(kubernetesVersion: string): VersionSet {
  const minor = Math.min(Math.max(minorOf(kubernetesVersion), oldestMinor), newestMinor);
  const row = versionTable[`1.${minor}`] ?? versionTable[`1.${newestMinor}`];
  // The table has the newest minor by construction.
  return row as VersionSet;
}

/** Tag of the pause image of the cluster's Kubernetes version. */
export function pauseVersion(cluster: Cluster): string {
  return versionsFor(cluster.spec.kubernetes.version).pause;
}

/** The sandbox image: the user's own, or pause of this version in the cluster's image repository. */
export function pauseImage(cluster: Cluster): string {
  const { containerRuntime, imageRepository } = cluster.spec.kubernetes;
  return containerRuntime.sandboxImage ?? `${imageRepository}/pause:${pauseVersion(cluster)}`;
}

/**
 * The CoreDNS image kubeadm will ask for: in its default registry CoreDNS has a folder of its own, in any other not.
 * https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/images/images.go GetDNSImage
 */
export function corednsImage(cluster: Cluster): string {
  const { version, dns, imageRepository } = cluster.spec.kubernetes;
  const repository = dns.imageRepository ?? imageRepository;
  const folder = repository === 'registry.k8s.io' ? `${repository}/coredns` : repository;
  return `${folder}/coredns:${dns.imageTag ?? versionsFor(version).coredns}`;
}
