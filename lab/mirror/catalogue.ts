import { KubexmError } from '../../src/errors/index.js';

/** What the mirror builds, of which version, and from which Go packages. The one place to add a version. */

/** A Go program: the file it becomes and the package with its `main`. */
export interface Program {
  readonly name: string;
  readonly package: string;
}

export interface Component {
  readonly name: ComponentName;
  /** Upstream's tag; the recipe is the Go module in `lab/go/<name>/<version>`. */
  readonly version: string;
  /** A stand-in: what is linked under this version are the sources of another one, whose recipe is used. */
  readonly sourcesOf?: string;
  /** What Go builds. None: the component is a package of Debian's, and only an image. */
  readonly programs: readonly Program[];
  /** Values set by the linker: `package.variable` to value. */
  readonly variables: Readonly<Record<string, string>>;
  /** Static programs that need C: the build tags. Without it the build is pure Go. */
  readonly cgo?: { readonly tags: readonly string[] };
  /** What a cluster of this version asks for besides, by its own default. */
  readonly bringsAlong?: readonly ComponentVersion[];
  /** How long it takes on two cores, for the line that announces it. */
  readonly takes: string;
}

export type ComponentName = keyof typeof defaultVersions | 'haproxy' | 'kube-vip';

export interface ComponentVersion {
  readonly component: ComponentName;
  readonly version: string;
}

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
} as const;

/** Kubernetes minor → tag of the pause image that its kubeadm asks for (`PauseVersion` of its constants). */
export const pauseTags: Readonly<Record<string, string>> = { '1.33': '3.10', '1.34': '3.10.1', '1.35': '3.10.1' };

/** Tags of the images that are not named after a component's version. */
export const imageTags = { pause: '3.10.1', flannelCniPlugin: 'v1.9.1-flannel1', busybox: '1.36' } as const;

const cniModule = 'github.com/containernetworking/plugins';

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
    hint: 'add it to lab/mirror/catalogue.ts',
  });
}

/** `1.34` for v1.34.4 */
export function minorOf(kubernetesVersion: string): string {
  return kubernetesVersion.slice(1).split('.', 2).join('.');
}

function kubernetes(version: string): Component {
  const [major = '', minor = ''] = version.slice(1).split('.');
  const build = {
    gitVersion: version,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    gitCommit: 'kubexm-lab',
    // Not the time of the build: the same recipe gives the same bytes, whose checksums may be pinned in a lock file.
    buildDate: '1970-01-01T00:00:00Z',
  };
  const variables = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((versionPackage) =>
    Object.entries(build).map(([name, value]) => [`${versionPackage}.${name}`, value] as const),
  );
  return {
    name: 'kubernetes',
    version,
    programs: inPackage('k8s.io/kubernetes/cmd', [
      'kubeadm',
      'kubelet',
      'kubectl',
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
      'kube-proxy',
    ]),
    variables: Object.fromEntries(variables),
    takes: 'about 11 min',
  };
}

function etcd(version: string): Component {
  return {
    name: 'etcd',
    version,
    programs: [
      { name: 'etcd', package: 'go.etcd.io/etcd/server/v3' },
      { name: 'etcdctl', package: 'go.etcd.io/etcd/etcdctl/v3' },
      { name: 'etcdutl', package: 'go.etcd.io/etcd/etcdutl/v3' },
    ],
    variables: {},
    takes: 'about 2 min',
  };
}

function containerd(version: string): Component {
  const module = 'github.com/containerd/containerd/v2';
  return {
    name: 'containerd',
    version,
    programs: inPackage(`${module}/cmd`, ['containerd', 'containerd-shim-runc-v2', 'containerd-stress', 'ctr']),
    variables: { [`${module}/version.Version`]: version, [`${module}/version.Revision`]: 'kubexm-lab' },
    takes: 'about 2 min',
  };
}

function runc(version: string): Component {
  return {
    name: 'runc',
    version,
    programs: [{ name: 'runc', package: 'github.com/opencontainers/runc' }],
    variables: {},
    // Without seccomp every pod sandbox fails.
    cgo: { tags: ['seccomp', 'netgo', 'osusergo'] },
    takes: 'about 30 s',
  };
}

function cniPlugins(version: string): Component {
  return {
    name: 'cni-plugins',
    version,
    programs: [
      ...inPackage(`${cniModule}/plugins/ipam`, ['dhcp', 'host-local', 'static']),
      ...inPackage(`${cniModule}/plugins/main`, [
        'bridge',
        'dummy',
        'host-device',
        'ipvlan',
        'loopback',
        'macvlan',
        'ptp',
        'tap',
        'vlan',
      ]),
      ...inPackage(`${cniModule}/plugins/meta`, ['bandwidth', 'firewall', 'portmap', 'sbr', 'tuning', 'vrf']),
    ],
    variables: { [`${cniModule}/pkg/utils/buildversion.BuildVersion`]: version },
    takes: 'about 15 s',
  };
}

/** The flannel project's own plugin is no public Go module; the CNI project's last version of it does the same. */
function flannelCniPlugin(version: string): Component {
  return {
    name: 'flannel-cni-plugin',
    version,
    programs: inPackage(`${cniModule}/plugins/meta`, ['flannel']),
    variables: { [`${cniModule}/pkg/utils/buildversion.BuildVersion`]: version },
    takes: 'a few seconds',
  };
}

function coredns(version: string): Component {
  return {
    name: 'coredns',
    version,
    programs: [{ name: 'coredns', package: 'github.com/coredns/coredns' }],
    variables: { 'github.com/coredns/coredns/coremain.GitCommit': 'kubexm-lab' },
    takes: 'about 2 min',
  };
}

function flannel(version: string): Component {
  return {
    name: 'flannel',
    version,
    programs: [{ name: 'flanneld', package: 'github.com/flannel-io/flannel' }],
    variables: { 'github.com/flannel-io/flannel/pkg/version.Version': version },
    cgo: { tags: ['netgo', 'osusergo'] },
    takes: 'about 1 min',
  };
}

function kubeVip(version: string): Component {
  return {
    name: 'kube-vip',
    version,
    programs: [{ name: 'kube-vip', package: 'github.com/kube-vip/kube-vip' }],
    variables: { 'main.Version': version, 'main.Build': 'kubexm-lab' },
    takes: 'about 2 min',
  };
}

/** Debian's package of the hosts' release, in an image that behaves as upstream's. */
function haproxy(version: string): Component {
  return { name: 'haproxy', version, programs: [], variables: {}, takes: 'about 20 s' };
}

function registry(version: string): Component {
  const module = 'github.com/distribution/distribution/v3';
  return {
    name: 'registry',
    version,
    programs: inPackage(`${module}/cmd`, ['registry']),
    variables: { [`${module}/version.version`]: version },
    takes: 'about 1.5 min',
  };
}

/** The version is the one of the real crictl whose place the program takes. */
function crictl(version: string): Component {
  return {
    name: 'crictl',
    version,
    programs: [{ name: 'crictl', package: 'kubexm.io/lab/crictl' }],
    variables: { 'main.version': version },
    takes: 'about 30 s',
  };
}

function fileServer(version: string): Component {
  return {
    name: 'file-server',
    version,
    programs: [{ name: 'file-server', package: 'kubexm.io/lab/file-server' }],
    variables: {},
    takes: 'a few seconds',
  };
}

function inPackage(parent: string, names: readonly string[]): Program[] {
  return names.map((name) => ({ name, package: `${parent}/${name}` }));
}
