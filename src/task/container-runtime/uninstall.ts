import type { Containerd, ContainerRuntime, Docker } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { unreachable } from '../../errors/index.js';
import { type After, type Draft, draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import {
  clearShims,
  daemonReload,
  disableService,
  removeDockerNetwork,
  removeFile,
  removePackage,
  removePods,
  type StepContext,
  stopService,
  wipeDirectory,
} from '../../step/index.js';
import type { Fragment } from '../context.js';
import { endpointOf } from './runtime-hosts.js';

export interface Uninstall {
  readonly runtime: ContainerRuntime;
  readonly hosts: readonly HostName[];
  /** Images, layers and volumes too: /var/lib/containerd, /var/lib/docker. They cannot be had back. */
  readonly wipeData: boolean;
  /** Also what another runtime could go on with: crictl, CNI plugins and their configuration. */
  readonly tools: boolean;
}

/**
 * Takes a container runtime off hosts: its pods first, in order, then the service, what outlived it, and its files. The
 * kubelet must have been stopped: it would start pods anew.
 */
export function uninstallContainerRuntime({ runtime, hosts, wipeData, tools }: Uninstall): Fragment {
  const g = draft<StepContext>('uninstall-container-runtime');
  const emptied = g.add('remove-pods', hosts, removePods({ endpoint: endpointOf(runtime.type).socket }));
  const gone = removeRuntime(runtime, { g, hosts, wipeData, after: sameHost(emptied) });
  if (tools) {
    for (const path of [hostPaths.crictlConfig, `${hostPaths.bin}/crictl`, hostPaths.kubeletLogins]) {
      g.add(`remove-${nameOf(path)}`, hosts, removeFile({ path }), { after: sameHost(gone) });
    }
    for (const path of [hostPaths.cniBin, '/etc/cni', '/var/lib/cni']) {
      g.add(`wipe-${nameOf(path)}`, hosts, wipeDirectory({ path }), { after: sameHost(gone) });
    }
  }
  return g.done();
}

interface Removing {
  readonly g: Draft<StepContext>;
  readonly hosts: readonly HostName[];
  readonly wipeData: boolean;
  readonly after: After;
}

function removeRuntime(runtime: ContainerRuntime, removing: Removing): readonly Ref[] {
  switch (runtime.type) {
    case 'containerd':
      return removeContainerd(runtime, removing);
    case 'docker':
      return removeDocker(runtime, removing);
    default:
      return unreachable(runtime);
  }
}

function removeContainerd(_runtime: Containerd, removing: Removing): readonly Ref[] {
  const { g, hosts, wipeData } = removing;
  const shim = `${hostPaths.bin}/containerd-shim-runc-v2`;
  const stopped = stopUnits(removing, ['containerd.service']);
  const cleared = g.add('clear-shims', hosts, clearShims({ program: shim, runDir: '/run/containerd' }), {
    after: sameHost(stopped),
  });
  const files = removeFiles({ ...removing, after: sameHost(cleared) }, [
    `${hostPaths.units}/containerd.service`,
    `${hostPaths.bin}/containerd`,
    `${hostPaths.bin}/ctr`,
    shim,
    `${hostPaths.sbin}/runc`,
  ]);
  const directories = wipe({ ...removing, after: sameHost(cleared) }, [
    '/etc/containerd',
    '/run/containerd',
    ...(wipeData ? ['/var/lib/containerd'] : []),
  ]);
  return [...directories, reload(removing, files, ['containerd.service'])];
}

function removeDocker({ docker }: Docker, removing: Removing): readonly Ref[] {
  const { g, hosts, wipeData } = removing;
  const own = ['cri-dockerd.socket', 'cri-dockerd.service'];
  const stopped = stopUnits(removing, [...own, 'docker.socket', 'docker.service', 'containerd.service']);
  const cleared = g.add(
    'clear-shims',
    hosts,
    clearShims({ program: '/usr/bin/containerd-shim-runc-v2', runDir: '/run/containerd' }),
    { after: sameHost(stopped) },
  );
  const unlinked = g.add('remove-network', hosts, removeDockerNetwork({}), { after: sameHost(cleared) });
  // Purging, some distributions' docker takes its images along.
  const purged = g.add('remove-packages', hosts, removePackage({ packages: packagesOf(docker), purge: wipeData }), {
    after: sameHost(unlinked),
  });
  const files = removeFiles({ ...removing, after: sameHost(purged) }, [
    ...own.map((unit) => `${hostPaths.units}/${unit}`),
    `${hostPaths.bin}/cri-dockerd`,
    ...repositoryFiles(docker),
  ]);
  const directories = wipe({ ...removing, after: sameHost(purged) }, [
    '/etc/docker',
    '/run/docker',
    '/run/containerd',
    '/var/lib/cri-dockerd',
    ...(wipeData ? ['/var/lib/docker', '/var/lib/containerd'] : []),
  ]);
  return [...directories, reload(removing, files, own)];
}

/** What was asked for, and what came with it and has no other use. */
function packagesOf({ packages }: Docker['docker']): readonly string[] {
  const names = packages.map((word) => word.split('=')[0] ?? word);
  const along = names.includes('docker-ce')
    ? ['docker-ce-cli', 'docker-ce-rootless-extras']
    : names.includes('docker.io')
      ? ['docker-cli', 'containerd', 'runc']
      : [];
  return [...new Set([...names, ...along])];
}

function repositoryFiles({ repository }: Docker['docker']): readonly string[] {
  if (repository.type === 'distribution') return [];
  return [
    '/etc/apt/sources.list.d/kubexm-docker.sources',
    '/etc/apt/keyrings/kubexm-docker.asc',
    '/etc/apt/keyrings/kubexm-docker.gpg',
    '/etc/yum.repos.d/kubexm-docker.repo',
    '/etc/zypp/repos.d/kubexm-docker.repo',
  ];
}

/** Sockets before what they would start again. */
function stopUnits({ g, hosts, after }: Removing, units: readonly string[]): readonly Ref[] {
  let before: After = after;
  return units.map((unit) => {
    const stopped = g.add(`stop-${unit}`, hosts, stopService({ service: unit }), { after: before });
    before = sameHost(stopped);
    return g.add(`disable-${unit}`, hosts, disableService({ service: unit }), { after: sameHost(stopped) });
  });
}

function removeFiles({ g, hosts, after }: Removing, paths: readonly string[]): readonly Ref[] {
  return paths.map((path) => g.add(`remove-${nameOf(path)}`, hosts, removeFile({ path }), { after }));
}

function wipe({ g, hosts, after }: Removing, paths: readonly string[]): readonly Ref[] {
  return paths.map((path) => g.add(`wipe-${nameOf(path)}`, hosts, wipeDirectory({ path }), { after }));
}

function reload({ g, hosts }: Removing, files: readonly Ref[], units: readonly string[]): Ref {
  return g.add('daemon-reload', hosts, daemonReload({ units }), { after: sameHost(files) });
}

/** `/var/lib/docker` → `var-lib-docker` */
function nameOf(path: string): string {
  return path.slice(1).replaceAll('/', '-');
}
