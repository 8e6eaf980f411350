import type { HostInput } from '../hosts.js';
import { parseIPv4 } from '../ipv4.js';
import { error, type Issue, warning } from '../issue.js';
import type { Check } from './context.js';

/** Hosts that cannot be told apart, or from the cluster. */
export const checkHosts: Check = {
  relies: [],
  find: ({ input: { spec, metadata } }) => {
    const port = (host: HostInput) => host.port ?? spec.global.port;
    const addresses = spec.hosts.map((host) => `${host.address}:${port(host)}`);
    const sameAddress = new Set(addresses.flatMap((address, i) => (addresses.indexOf(address) < i ? [i] : [])));
    return [
      ...duplicates(spec.hosts, 'name', 'name', (host) => host.name),
      // Behind one forwarding address, hosts differ by their port.
      ...duplicates(spec.hosts, 'address', 'address', (host) => `${host.address}:${port(host)}`),
      ...duplicates(
        spec.hosts,
        'internalAddress',
        'internal address',
        (host) => host.internalAddress ?? host.address,
      ).filter(({ path: [, , i] }) => !sameAddress.has(Number(i))),
      ...spec.hosts.flatMap((host, i) => [
        ...(host.name === metadata.name ? [namedLikeCluster(i, host.name)] : []),
        ...(host.internalAddress === undefined && parseIPv4(host.address) === undefined
          ? [unknownAddress(i, host)]
          : []),
        ...reservedLabels(host, i),
      ]),
    ];
  },
};

function duplicates(
  hosts: readonly HostInput[],
  field: 'name' | 'address' | 'internalAddress',
  what: string,
  identity: (host: HostInput) => string | undefined,
): readonly Issue[] {
  const firstWith = new Map<string, number>();
  return hosts.flatMap((host, i) => {
    const value = identity(host);
    const first = value === undefined ? undefined : firstWith.get(value);
    if (value !== undefined && first === undefined) firstWith.set(value, i);
    if (first === undefined) return [];
    const other = field === 'name' ? `hosts[${first}]` : `"${hosts[first]?.name}"`;
    return [
      error(
        'duplicate-host',
        ['spec', 'hosts', i, hosts[i]?.[field] === undefined ? 'address' : field],
        `${other} has the same ${what}, ${value}`,
      ),
    ];
  });
}

function namedLikeCluster(i: number, name: string): Issue {
  return error(
    'host-named-like-cluster',
    ['spec', 'hosts', i, 'name'],
    `a host may not be named like the cluster, "${name}"`,
    {
      hint: 'both keep files in .kubexm under their names; rename one of them',
    },
  );
}

function unknownAddress(i: number, host: HostInput): Issue {
  const message = `"${host.address}" is a name, so internalAddress must say which IPv4 address the components use`;
  return error('internal-address-missing', ['spec', 'hosts', i, 'address'], message, {
    hint: 'internalAddress: 10.0.0.11',
  });
}

const ownedByKubelet = new Set(['kubernetes.io/hostname', 'kubernetes.io/os', 'kubernetes.io/arch']);
const openPrefixes = /^(?:node|topology|node-role|node-restriction)\.kubernetes\.io\//;

function reservedLabels(host: HostInput, i: number): readonly Issue[] {
  return Object.keys(host.labels).flatMap((label) => {
    const path = ['spec', 'hosts', i, 'labels', label];
    if (ownedByKubelet.has(label))
      return [error('reserved-label', path, `the kubelet sets "${label}" by itself`, { at: 'key' })];
    if (label.startsWith('kubexms.io/'))
      return [error('reserved-label', path, `kubexms.io/ is kubexm's own`, { at: 'key' })];
    const reserved = /(?:^|\.)(?:kubernetes|k8s)\.io\//.test(label) && !openPrefixes.test(label);
    if (!reserved) return [];
    return [
      warning('reserved-label', path, `the prefix of "${label}" is reserved for Kubernetes itself`, { at: 'key' }),
    ];
  });
}
