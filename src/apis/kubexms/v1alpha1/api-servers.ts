import type { Cluster } from './types.js';

/**
 * Where this machine finds the API: at the load balancer, else at every control plane, in the config's order. URLs. The
 * internal endpoint's name is known to nodes alone.
 */
export function apiServers({ spec }: Cluster): readonly string[] {
  const { controlPlaneEndpoint: endpoint, hosts, roleGroups } = spec;
  if (endpoint.type !== 'internal') return [`https://${endpoint.address}:${endpoint.port}`];
  return roleGroups['control-plane'].flatMap((name) =>
    hosts.filter((host) => host.name === name).map(({ address }) => `https://${address}:${endpoint.port}`),
  );
}
