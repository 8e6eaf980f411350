/** How each component is built: from which Go packages, with which values. */

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

export type ComponentName =
  | 'cni-plugins'
  | 'containerd'
  | 'coredns'
  | 'crictl'
  | 'etcd'
  | 'file-server'
  | 'flannel'
  | 'flannel-cni-plugin'
  | 'haproxy'
  | 'kube-vip'
  | 'kubernetes'
  | 'registry'
  | 'runc';

export interface ComponentVersion {
  readonly component: ComponentName;
  readonly version: string;
}

const cniModule = 'github.com/containernetworking/plugins';

export function kubernetes(version: string): Component {
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

export function etcd(version: string): Component {
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

export function containerd(version: string): Component {
  const module = 'github.com/containerd/containerd/v2';
  return {
    name: 'containerd',
    version,
    programs: inPackage(`${module}/cmd`, ['containerd', 'containerd-shim-runc-v2', 'containerd-stress', 'ctr']),
    variables: { [`${module}/version.Version`]: version, [`${module}/version.Revision`]: 'kubexm-lab' },
    takes: 'about 2 min',
  };
}

export function runc(version: string): Component {
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

export function cniPlugins(version: string): Component {
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
export function flannelCniPlugin(version: string): Component {
  return {
    name: 'flannel-cni-plugin',
    version,
    programs: inPackage(`${cniModule}/plugins/meta`, ['flannel']),
    variables: { [`${cniModule}/pkg/utils/buildversion.BuildVersion`]: version },
    takes: 'a few seconds',
  };
}

export function coredns(version: string): Component {
  return {
    name: 'coredns',
    version,
    programs: [{ name: 'coredns', package: 'github.com/coredns/coredns' }],
    variables: { 'github.com/coredns/coredns/coremain.GitCommit': 'kubexm-lab' },
    takes: 'about 2 min',
  };
}

export function flannel(version: string): Component {
  return {
    name: 'flannel',
    version,
    programs: [{ name: 'flanneld', package: 'github.com/flannel-io/flannel' }],
    variables: { 'github.com/flannel-io/flannel/pkg/version.Version': version },
    cgo: { tags: ['netgo', 'osusergo'] },
    takes: 'about 1 min',
  };
}

export function kubeVip(version: string): Component {
  return {
    name: 'kube-vip',
    version,
    programs: [{ name: 'kube-vip', package: 'github.com/kube-vip/kube-vip' }],
    variables: { 'main.Version': version, 'main.Build': 'kubexm-lab' },
    takes: 'about 2 min',
  };
}

/** Debian's package of the hosts' release, in an image that behaves as upstream's. */
export function haproxy(version: string): Component {
  return { name: 'haproxy', version, programs: [], variables: {}, takes: 'about 20 s' };
}

export function registry(version: string): Component {
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
export function crictl(version: string): Component {
  return {
    name: 'crictl',
    version,
    programs: [{ name: 'crictl', package: 'kubexm.io/lab/crictl' }],
    variables: { 'main.version': version },
    takes: 'about 30 s',
  };
}

export function fileServer(version: string): Component {
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
