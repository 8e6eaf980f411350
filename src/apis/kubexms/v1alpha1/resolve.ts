import { resolveAddons } from './addons.js';
import { resolveCerts } from './certs.js';
import type { ClusterInput } from './cluster.js';
import { type HostRuntimeInput, resolveContainerRuntime } from './container-runtime.js';
import { resolveEndpoint } from './control-plane-endpoint.js';
import { resolveDownload } from './download.js';
import { resolveEtcd } from './etcd.js';
import { resolveHosts } from './hosts.js';
import { resolveKubernetes } from './kubernetes.js';
import { resolveNetwork } from './network.js';
import { deepFreeze } from './objects.js';
import type { PathExpander } from './paths.js';
import { resolveRegistry } from './registry.js';
import { resolveRoleGroups } from './role-groups.js';
import { resolveSystem } from './system.js';
import { type Cluster, roles } from './types.js';
import { versionsFor } from './versions.js';

/** The resource with everything decided that the config decides. Only for an input without errors. */
export function resolve(input: ClusterInput, expandPath: PathExpander): Cluster {
  const { spec } = input;
  const versions = versionsFor(spec.kubernetes.version);
  const roleGroups = resolveRoleGroups(spec.roleGroups);
  const rolesOf = (name: string) => roles.filter((role) => roleGroups[role].includes(name));
  const kubernetes = resolveKubernetes(spec.kubernetes, expandPath);
  // Hosts without a word of their own share the cluster's: a thousand copies would be a plan of megabytes.
  const runtimeOf = (own: HostRuntimeInput | undefined) =>
    own ? resolveContainerRuntime(spec.kubernetes.containerRuntime, versions, own) : kubernetes.containerRuntime;
  return deepFreeze<Cluster>({
    apiVersion: input.apiVersion,
    kind: input.kind,
    metadata: input.metadata,
    spec: {
      hosts: resolveHosts(spec.hosts, { global: spec.global, rolesOf, runtimeOf, expandPath }),
      roleGroups,
      controlPlaneEndpoint: resolveEndpoint(spec.controlPlaneEndpoint),
      kubernetes,
      etcd: resolveEtcd(spec.etcd, versions, expandPath),
      certs: resolveCerts(spec.certs, expandPath),
      network: resolveNetwork(spec.network, versions),
      registry: resolveRegistry(spec.registry, expandPath),
      download: resolveDownload(spec.download),
      system: resolveSystem(spec.system),
      addons: resolveAddons(spec.addons, expandPath),
    },
  });
}
