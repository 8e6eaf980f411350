import { hostPaths, ports } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { HostName } from '../../plan/index.js';
import { isWithin } from '../../util/ipv4.js';
import { factsOf, hostNamed, hostsWithRole, internalAddress, nodeHosts, type PlanContext } from '../context.js';

/** Workers of the plan that have a haproxy of their own. */
export function balancedWorkers(ctx: PlanContext): readonly HostName[] {
  return answering(ctx, nodeHosts(ctx)).filter((host) => isBalanced(ctx, host));
}

/** Whether a host of the config finds the API through a haproxy of its own. One control plane alone needs nobody who chooses. */
export function isBalanced(ctx: PlanContext, host: HostName): boolean {
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  if (ctx.cluster.spec.controlPlaneEndpoint.type !== 'internal' || controlPlanes.length < 2) return false;
  return !controlPlanes.includes(host) && hostNamed(ctx, host).roles.includes('worker');
}

/** Hosts whose keepalived keeps the address: those of the role loadbalancer, else the control planes. */
export function addressKeepers(ctx: PlanContext): readonly HostName[] {
  if (ctx.cluster.spec.controlPlaneEndpoint.type !== 'keepalived') return [];
  const balancers = hostsWithRole(ctx, 'loadbalancer');
  return balancers.length > 0 ? balancers : hostsWithRole(ctx, 'control-plane');
}

/** Whether an API server of this host is what answers at the endpoint's port; elsewhere it is haproxy. */
export function servesItself(ctx: PlanContext, host: HostName): boolean {
  const { port } = ctx.cluster.spec.controlPlaneEndpoint;
  return port === ports.apiserver && hostsWithRole(ctx, 'control-plane').includes(host);
}

/**
 * Where a host finds the API, in the order in which Go's resolver tries it. A control plane asks itself first: so it can be made, and
 * join, before the address in front of all is there. A worker's haproxy notices within seconds who does not serve any more;
 * the control planes after it serve while it does not run itself.
 */
export function endpointAddresses(ctx: PlanContext, host: HostName): readonly string[] {
  const { controlPlaneEndpoint: endpoint } = ctx.cluster.spec;
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const addressOf = (name: HostName) => internalAddress(ctx, name);
  switch (endpoint.type) {
    case 'external':
      return [endpoint.address];
    case 'keepalived':
    case 'kube-vip':
      return [...(servesItself(ctx, host) ? [addressOf(host)] : []), endpoint.address];
    case 'internal': {
      if (controlPlanes.includes(host))
        return [host, ...controlPlanes.filter((name) => name !== host)].map((name) => addressOf(name));
      return [...(isBalanced(ctx, host) ? ['127.0.0.1'] : []), ...controlPlanes.map((name) => addressOf(name))];
    }
  }
}

/** The interface of a host that lies in the network of the virtual address. Throws where none does. */
export function addressInterface(ctx: PlanContext, host: HostName, address: string): string {
  const { ipv4 } = factsOf(ctx, host);
  const found = ipv4.find((each) => isWithin(address, `${each.address}/${each.prefix}`));
  if (found) return found.interface;
  // A plan for hosts that nobody asked shows no more than the structure.
  if (ipv4.length === 0) return 'eth0';
  throw new KubexmError('PREFLIGHT_FAILED', `${host}: none of its networks has the address ${address}`, {
    details: ipv4.map((each) => `${each.interface} has ${each.address}/${each.prefix}`),
    hint: 'spec.controlPlaneEndpoint.address must be of the network of the hosts that keep it; type: internal needs no address',
    retryable: false,
  });
}

/** Those that have told their facts: nothing can be done on the others. */
export function answering({ facts }: PlanContext, hosts: readonly HostName[]): readonly HostName[] {
  return hosts.filter((host) => facts.has(host));
}

/** Hosts that are nodes already: what runs on them reaches the API now, and has to go on. */
export function presentNodes(ctx: PlanContext): readonly HostName[] {
  return [...ctx.facts.keys()].filter((host) => ctx.facts.get(host)?.leftovers.includes(hostPaths.kubeletKubeconfig));
}
