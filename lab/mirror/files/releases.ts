import type { Component, ComponentName } from '../build/components.js';
import { components } from '../catalogue.js';
import type { Architecture } from '../locations.js';
import type { ChecksumStyle } from './checksums.js';

/** One file of an upstream release: a program as it is, or an archive of programs. */
export interface ReleaseFile {
  readonly component: Component;
  /** Path below the mirror's files: the upstream's host name, then its own path. */
  readonly path: string;
  readonly checksum: { readonly path: string; readonly style: ChecksumStyle };
  /** `program`: the file is this program. `archive`: a .tar.gz whose members are these programs below `prefix`. */
  readonly content:
    | { readonly type: 'program'; readonly program: string }
    | { readonly type: 'archive'; readonly programs: readonly string[]; readonly prefix: string };
}

type Publish = (component: Component, architecture: Architecture) => readonly ReleaseFile[];

/** Where and how each upstream publishes. Components that are only in images, or are the mirror itself, are not here. */
const publishers: Partial<Record<ComponentName, Publish>> = {
  kubernetes: (component, architecture) =>
    ['kubeadm', 'kubelet', 'kubectl'].map((program) => {
      const path = `dl.k8s.io/release/${component.version}/bin/linux/${architecture}/${program}`;
      return {
        component,
        path,
        checksum: { path: `${path}.sha256`, style: 'bare' },
        content: { type: 'program', program },
      };
    }),
  etcd: (component, architecture) => {
    const name = `etcd-${component.version}-linux-${architecture}`;
    const directory = gitHubRelease('etcd-io/etcd', component);
    return [archive(component, `${directory}/${name}.tar.gz`, `${directory}/SHA256SUMS`, 'named', `${name}/`)];
  },
  containerd: (component, architecture) => {
    const path = `${gitHubRelease('containerd/containerd', component)}/containerd-${component.version.slice(1)}-linux-${architecture}.tar.gz`;
    return [archive(component, path, `${path}.sha256sum`, 'named', 'bin/')];
  },
  runc: (component, architecture) => {
    const directory = gitHubRelease('opencontainers/runc', component);
    return [
      {
        component,
        path: `${directory}/runc.${architecture}`,
        checksum: { path: `${directory}/runc.sha256sum`, style: 'named' },
        content: { type: 'program', program: 'runc' },
      },
    ];
  },
  'cni-plugins': (component, architecture) => {
    const path = `${gitHubRelease('containernetworking/plugins', component)}/cni-plugins-linux-${architecture}-${component.version}.tgz`;
    return [archive(component, path, `${path}.sha256`, 'named', './')];
  },
  crictl: (component, architecture) => {
    const path = `${gitHubRelease('kubernetes-sigs/cri-tools', component)}/crictl-${component.version}-linux-${architecture}.tar.gz`;
    return [archive(component, path, `${path}.sha256`, 'bare-line', '')];
  },
};

/** Every file the mirror serves for an architecture. */
export function releaseFiles(architecture: Architecture, offered: readonly Component[] = components): ReleaseFile[] {
  return offered.flatMap((component) => publishers[component.name]?.(component, architecture) ?? []);
}

/** The upstream hosts that the mirror stands in for, as prefixes of `spec.download.mirrors`. */
export function mirroredHosts(): string[] {
  const hosts = releaseFiles('amd64').map((file) => file.path.slice(0, file.path.indexOf('/')));
  return [...new Set(hosts)];
}

function archive(
  component: Component,
  path: string,
  checksumPath: string,
  style: ChecksumStyle,
  prefix: string,
): ReleaseFile {
  const programs = component.programs.map((program) => program.name);
  return {
    component,
    path,
    checksum: { path: checksumPath, style },
    content: { type: 'archive', programs, prefix },
  };
}

function gitHubRelease(repository: string, { version }: Component): string {
  return `github.com/${repository}/releases/download/${version}`;
}
