import type { ContainerRuntime, Host } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import type { HostName } from '../../plan/index.js';
import type { ComponentVersion } from '../artifacts.js';
import { factsOf, hostNamed, nodeHosts, type PlanContext } from '../context.js';

/** Hosts that run containers in exactly the same way. */
export interface RuntimeGroup<R extends ContainerRuntime = ContainerRuntime> {
  readonly runtime: R;
  readonly hosts: readonly HostName[];
}

/** Where kubelet, kubeadm and crictl of a host find the runtime, and the unit that it is. */
export function criEndpoint(ctx: PlanContext, host: HostName): { readonly socket: string; readonly unit: string } {
  return endpointOf(runtimeOf(ctx, host).type);
}

export function endpointOf(type: ContainerRuntime['type']): { readonly socket: string; readonly unit: string } {
  return type === 'docker'
    ? { socket: hostPaths.criDockerdSocket, unit: 'cri-dockerd.service' }
    : { socket: hostPaths.containerd.socket, unit: 'containerd.service' };
}

export function runtimeOf(ctx: PlanContext, host: HostName): Host['containerRuntime'] {
  return hostNamed(ctx, host).containerRuntime;
}

/** By what the config says of their runtime: most clusters have one group. */
export function runtimeGroups(ctx: PlanContext, hosts: readonly HostName[] = nodeHosts(ctx)): readonly RuntimeGroup[] {
  const groups = new Map<string, { readonly runtime: ContainerRuntime; readonly hosts: HostName[] }>();
  const keys = new Map<ContainerRuntime, string>();
  for (const host of hosts) {
    const runtime = runtimeOf(ctx, host);
    const key = keys.get(runtime) ?? JSON.stringify(runtime);
    keys.set(runtime, key);
    const group = groups.get(key) ?? { runtime, hosts: [] };
    groups.set(key, group);
    group.hosts.push(host);
  }
  return [...groups.values()];
}

/** What kubexm itself brings to the hosts of a group; docker comes in packages. */
export function runtimeComponents({ runtime }: RuntimeGroup): readonly ComponentVersion[] {
  const common = [
    { name: 'cni-plugins', version: runtime.cniPluginsVersion },
    { name: 'crictl', version: runtime.crictlVersion },
  ] as const;
  return runtime.type === 'docker'
    ? [{ name: 'cri-dockerd', version: runtime.criDockerdVersion }, ...common]
    : [{ name: 'containerd', version: runtime.version }, { name: 'runc', version: runtime.runcVersion }, ...common];
}

/** Hosts that are nodes already: what runs on them is in use. */
export function isNode(ctx: PlanContext, host: HostName): boolean {
  return factsOf(ctx, host).leftovers.includes(hostPaths.kubeletKubeconfig);
}

/** Hosts whose network plugin has brought its configuration. */
export function hasNetwork(ctx: PlanContext, host: HostName): boolean {
  return factsOf(ctx, host).leftovers.some((path) => path.startsWith(`${hostPaths.cniConfig}/`));
}
