import type { ClusterInput } from '../cluster.js';
import { type Cidr, contains, overlaps, parseCidr, parseIPv4 } from '../ipv4.js';
import { error, type Issue, type Path } from '../issue.js';
import { resolveRoleGroups } from '../role-groups.js';
import type { Check } from './context.js';

/** kube-controller-manager gives every node a /24 of the pods' network. */
const nodePrefix = 24;

/** Pods, services and hosts need addresses of their own, and enough of them. */
export const checkNetwork: Check = {
  relies: ['network'],
  find: ({ input: { spec } }) => {
    const pods = parseCidr(spec.network.kubePodsCIDR);
    const services = parseCidr(spec.network.kubeServiceCIDR);
    if (pods === undefined || services === undefined) return [];
    return [
      ...(overlaps(pods, services) ? [overlapping(spec.network)] : []),
      ...serviceSize(services),
      ...podsSize(pods, spec),
      ...addressesWithin(pods, 'kubePodsCIDR', spec),
      ...addressesWithin(services, 'kubeServiceCIDR', spec),
    ];
  },
};

type Spec = ClusterInput['spec'];

function overlapping({ kubePodsCIDR, kubeServiceCIDR }: Spec['network']): Issue {
  const message = `services (${kubeServiceCIDR}) and pods (${kubePodsCIDR}) share addresses`;
  return error('overlapping-networks', ['spec', 'network', 'kubeServiceCIDR'], message, {
    hint: 'for example kubePodsCIDR: 10.233.64.0/18 and kubeServiceCIDR: 10.233.0.0/18',
  });
}

function serviceSize({ prefix }: Cidr): readonly Issue[] {
  if (prefix >= 12 && prefix <= 28) return [];
  const message = `a /${prefix} is too ${prefix < 12 ? 'large' : 'small'} for services; use /12 to /28`;
  return [error('network-size', ['spec', 'network', 'kubeServiceCIDR'], message)];
}

function podsSize({ prefix }: Cidr, spec: Spec): readonly Issue[] {
  const groups = resolveRoleGroups(spec.roleGroups);
  const nodes = new Set([...groups['control-plane'], ...groups.worker]).size;
  const room = prefix > nodePrefix ? 0 : 2 ** (nodePrefix - prefix);
  if (nodes <= room) return [];
  const message = `a /${prefix} has room for ${room} nodes with a /${nodePrefix} each; the cluster has ${nodes}`;
  const hint = `use a /${nodePrefix - Math.ceil(Math.log2(Math.max(nodes, 2)))} or larger`;
  return [error('network-size', ['spec', 'network', 'kubePodsCIDR'], message, { hint })];
}

function addressesWithin(block: Cidr, field: 'kubePodsCIDR' | 'kubeServiceCIDR', spec: Spec): readonly Issue[] {
  const network = `spec.network.${field} (${spec.network[field]})`;
  const users: readonly [path: Path, who: string, address: string | undefined][] = [
    ...spec.hosts.flatMap((host, i) => [
      [['spec', 'hosts', i, 'address'], 'the address of the host', host.address] as const,
      [['spec', 'hosts', i, 'internalAddress'], 'the address of the host', host.internalAddress] as const,
    ]),
    [['spec', 'controlPlaneEndpoint', 'address'], 'the endpoint', spec.controlPlaneEndpoint.address],
  ].map(([path, who, address]) => [path as Path, who as string, address as string | undefined]);
  return users.flatMap(([path, who, address]) => {
    const number = parseIPv4(address ?? '');
    if (number === undefined || !contains(block, number)) return [];
    return [error('address-in-network', path, `${who} lies inside ${network}`)];
  });
}
