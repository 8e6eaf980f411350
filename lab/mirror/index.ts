import type { ComponentVersion } from './build/components.js';
import { buildSite, extendSite } from './build/site.js';
import { defaultVersions, imageTags, requested } from './catalogue.js';
import { aptPath } from './files/apt-repository.js';
import { mirroredHosts } from './files/releases.js';
import { mirroredRegistries } from './images/image-table.js';
import type { PrivateRegistry } from './serve/private-registry.js';
import type { MirrorAddress } from './serve/server.js';

export type { ComponentVersion } from './build/components.js';
export { promtool } from './files/promtool.js';
export { type PrivateRegistry, privateRegistry } from './serve/private-registry.js';
export {
  type MirrorAddress,
  type MirrorStatus,
  mirrorStatus,
  type StartMirrorOptions,
  startMirror,
  stopMirror,
} from './serve/server.js';

/** The versions that a cluster made from the mirror uses: upstream's tags, with their `v` where upstream has one. */
export interface MirrorVersions {
  readonly kubernetes: string;
  readonly etcd: string;
  readonly containerd: string;
  readonly runc: string;
  readonly cniPlugins: string;
  readonly crictl: string;
  readonly coredns: string;
  readonly flannel: string;
  readonly flannelCniPlugin: string;
  readonly pause: string;
  readonly busybox: string;
}

export function mirrorVersions(): MirrorVersions {
  const { kubernetes, etcd, containerd, runc, crictl, coredns, flannel } = defaultVersions;
  const cniPlugins = defaultVersions['cni-plugins'];
  return { kubernetes, etcd, containerd, runc, cniPlugins, crictl, coredns, flannel, ...imageTags };
}

/** Builds what the cache lacks: minutes to a quarter of an hour once, well under a second afterwards. */
export async function buildMirror({ log }: { log: (line: string) => void }): Promise<void> {
  await buildSite(log);
}

/** As buildMirror, with versions that no mirror has by itself. Those that were added before cost nothing. */
export async function extendMirror(
  wanted: readonly ComponentVersion[],
  { log }: { log: (line: string) => void },
): Promise<void> {
  const added = wanted.flatMap(requested);
  await extendSite(await buildSite(log), added, log);
}

/** `spec.download.mirrors` for a cluster that takes its files from the mirror. */
export function downloadMirrors({ filesUrl }: Pick<MirrorAddress, 'filesUrl'>): Record<string, string> {
  return Object.fromEntries(mirroredHosts().map((host) => [`https://${host}`, `${filesUrl}/${host}`]));
}

/** `spec.registry.mirrors` for a cluster that takes its images from the mirror. */
export function registryMirrors({ registry }: Pick<MirrorAddress, 'registry'>): Record<string, string[]> {
  return Object.fromEntries(mirroredRegistries().map((host) => [host, [`http://${registry}`]]));
}

/** `spec.registry` for a cluster that takes its images from the mirror's private registry. */
export function privateRegistrySpec({ url, username, passwordFile, caFile }: PrivateRegistry) {
  const host = url.slice('https://'.length);
  return {
    mirrors: Object.fromEntries(mirroredRegistries().map((upstream) => [upstream, [url]])),
    auths: { [host]: { username, password: { file: passwordFile } } },
    caFiles: { [host]: caFile },
  };
}

/** The line for a host's sources.list that makes the mirror's Debian packages installable. */
export function aptSource({ filesUrl }: MirrorAddress): string {
  return `deb [trusted=yes] ${filesUrl}/${aptPath} ./`;
}
