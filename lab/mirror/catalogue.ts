import { KubexmError } from '../../src/errors/index.js';
import {
  type Component,
  type ComponentName,
  type ComponentVersion,
  cniPlugins,
  containerd,
  coredns,
  crictl,
  etcd,
  fileServer,
  flannel,
  flannelCniPlugin,
  haproxy,
  kubernetes,
  kubeVip,
  registry,
  runc,
} from './build/components.js';

/** Which versions the mirror offers. The one place to add one; how a component is built is in build/components.ts. */

/** The version of each component that the generated cluster.yaml names. */
export const defaultVersions = {
  kubernetes: 'v1.34.4',
  etcd: 'v3.6.14',
  containerd: 'v2.1.9',
  runc: 'v1.3.6',
  'cni-plugins': 'v1.9.1',
  'flannel-cni-plugin': 'v0.9.1',
  coredns: 'v1.14.7',
  flannel: 'v0.28.4',
  registry: 'v3.1.2',
  crictl: 'v1.34.0',
  'file-server': 'v1.0.0',
} as const satisfies Partial<Record<ComponentName, string>>;

/** Kubernetes minor → tag of the pause image that its kubeadm asks for (`PauseVersion` of its constants). */
export const pauseTags: Readonly<Record<string, string>> = { '1.33': '3.10', '1.34': '3.10.1', '1.35': '3.10.1' };

/** Tags of the images that are not named after a component's version. */
export const imageTags = { pause: '3.10.1', flannelCniPlugin: 'v1.9.1-flannel1', busybox: '1.36' } as const;

/** What every mirror offers: one version of each component. */
export const components: readonly Component[] = [
  fileServer(defaultVersions['file-server']),
  registry(defaultVersions.registry),
  crictl(defaultVersions.crictl),
  runc(defaultVersions.runc),
  cniPlugins(defaultVersions['cni-plugins']),
  flannelCniPlugin(defaultVersions['flannel-cni-plugin']),
  etcd(defaultVersions.etcd),
  containerd(defaultVersions.containerd),
  coredns(defaultVersions.coredns),
  flannel(defaultVersions.flannel),
  kubernetes(defaultVersions.kubernetes),
];

/** What the mirror offers besides once somebody asks for it (`ensureMirrored`); nobody else waits for these builds. */
export const onDemand: readonly Component[] = [
  etcd('v3.5.35'),
  etcd('v3.6.0'),
  { ...kubernetes('v1.33.13'), bringsAlong: [{ component: 'coredns', version: 'v1.12.0' }] },
  { ...kubernetes('v1.35.4'), bringsAlong: [{ component: 'coredns', version: 'v1.13.1' }] },
  // Not upstream's v1.34.5: the sources of v1.34.4, linked with another version. Enough to upgrade to, in a minute.
  { ...kubernetes('v1.34.5'), sourcesOf: 'v1.34.4', takes: "about 1 min, from v1.34.4's sources" },
  coredns('v1.12.0'),
  coredns('v1.13.1'),
  kubeVip('v0.9.1'),
  haproxy('3.0.11'),
];

/** The catalogue's row and what it brings along; none of a version that every mirror has anyway. Throws for one that is not to be had. */
export function requested({ component, version }: ComponentVersion): readonly Component[] {
  const same = (row: Component) => row.name === component && row.version === version;
  const found = onDemand.find(same);
  if (found) return [...(found.bringsAlong ?? []).flatMap(requested), found];
  if (components.some(same)) return [];
  const offered = [...components, ...onDemand].filter((row) => row.name === component).map((row) => row.version);
  throw new KubexmError('USAGE', `the lab's mirror cannot offer ${component} ${version}`, {
    details: [`of ${component} it has ${offered.join(' ')}`],
    hint: 'add it to onDemand in lab/mirror/catalogue.ts',
  });
}

/** `1.34` for v1.34.4 */
export function minorOf(kubernetesVersion: string): string {
  return kubernetesVersion.slice(1).split('.', 2).join('.');
}
