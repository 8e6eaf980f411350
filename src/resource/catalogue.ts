import type { Arch } from '../common/work-dirs.js';

interface Coordinates {
  /** With v. */
  readonly version: string;
  /** Without v. */
  readonly number: string;
  readonly arch: Arch;
}

interface Component {
  /** Upstream's directory; the file and its checksum file are in it. */
  readonly base: (at: Coordinates) => string;
  readonly file: (at: Coordinates) => string;
  /** Name of the checksum file beside the file; absent where upstream publishes none. */
  readonly checksumFile?: (file: string) => string;
  readonly archive: 'tar.gz' | 'none';
  /** Leading path elements inside the archive above its programs. Default 0. */
  readonly strip?: number;
  /** Absent: all that is in it. */
  readonly programs?: readonly string[];
  /** Digests of releases that come without a checksum file: `v0.3.21/amd64` → sha256. Only what was checked by hand. */
  readonly builtIn?: Readonly<Record<string, string>>;
}

const github = (repository: string) => (at: Coordinates) =>
  `https://github.com/${repository}/releases/download/${at.version}`;

const kubernetes = (name: string): Component => ({
  base: ({ version, arch }) => `https://dl.k8s.io/release/${version}/bin/linux/${arch}`,
  file: () => name,
  checksumFile: (file) => `${file}.sha256`,
  archive: 'none',
});

/** Everything that kubexm fetches from upstream. URLs: the projects' release pages. */
export const catalogue = {
  kubeadm: kubernetes('kubeadm'),
  kubelet: kubernetes('kubelet'),
  kubectl: kubernetes('kubectl'),
  etcd: {
    base: github('etcd-io/etcd'),
    file: ({ version, arch }) => `etcd-${version}-linux-${arch}.tar.gz`,
    checksumFile: () => 'SHA256SUMS',
    archive: 'tar.gz',
    // etcd-v3.6.14-linux-amd64/etcd
    strip: 1,
    programs: ['etcd', 'etcdctl', 'etcdutl'],
  },
  containerd: {
    base: github('containerd/containerd'),
    file: ({ number, arch }) => `containerd-${number}-linux-${arch}.tar.gz`,
    checksumFile: (file) => `${file}.sha256sum`,
    archive: 'tar.gz',
    // bin/containerd
    strip: 1,
    programs: ['containerd', 'containerd-shim-runc-v2', 'ctr'],
  },
  runc: {
    base: github('opencontainers/runc'),
    file: ({ arch }) => `runc.${arch}`,
    checksumFile: () => 'runc.sha256sum',
    archive: 'none',
  },
  'cni-plugins': {
    base: github('containernetworking/plugins'),
    file: ({ version, arch }) => `cni-plugins-linux-${arch}-${version}.tgz`,
    checksumFile: (file) => `${file}.sha256`,
    archive: 'tar.gz',
    // All of it: which plugins there are differs by version.
  },
  crictl: {
    base: github('kubernetes-sigs/cri-tools'),
    file: ({ version, arch }) => `crictl-${version}-linux-${arch}.tar.gz`,
    checksumFile: (file) => `${file}.sha256`,
    archive: 'tar.gz',
    programs: ['crictl'],
  },
  'cri-dockerd': {
    base: github('Mirantis/cri-dockerd'),
    file: ({ number, arch }) => `cri-dockerd-${number}.${arch}.tgz`,
    archive: 'tar.gz',
    // cri-dockerd/cri-dockerd
    strip: 1,
    programs: ['cri-dockerd'],
    builtIn: {},
  },
  helm: {
    base: () => 'https://get.helm.sh',
    file: ({ version, arch }) => `helm-${version}-linux-${arch}.tar.gz`,
    checksumFile: (file) => `${file}.sha256sum`,
    archive: 'tar.gz',
    // linux-amd64/helm
    strip: 1,
    programs: ['helm'],
  },
} as const satisfies Record<string, Component>;

/** What the catalogue knows. */
export type ComponentName = keyof typeof catalogue;

export const componentNames = Object.keys(catalogue) as readonly ComponentName[];

/** One line of the catalogue, filled in for a version and an architecture. */
export interface CatalogueEntry {
  /** With v. */
  readonly version: string;
  readonly fileName: string;
  readonly url: string;
  /** Absent where upstream publishes none. */
  readonly checksumUrl: string | undefined;
  readonly archive: 'tar.gz' | 'none';
  readonly strip: number;
  readonly programs: readonly string[];
  readonly builtInSha256: string | undefined;
}

/** The catalogue's entry of a component; `version` with or without v. */
export function lookUp({ name, version, arch }: { name: ComponentName; version: string; arch: Arch }): CatalogueEntry {
  const component: Component = catalogue[name];
  const number = version.replace(/^v/, '');
  const at = { version: `v${number}`, number, arch };
  const base = component.base(at);
  const fileName = component.file(at);
  return {
    version: at.version,
    fileName,
    url: `${base}/${fileName}`,
    checksumUrl: component.checksumFile && `${base}/${component.checksumFile(fileName)}`,
    archive: component.archive,
    strip: component.strip ?? 0,
    programs: component.programs ?? [],
    builtInSha256: component.builtIn?.[`${at.version}/${arch}`],
  };
}
