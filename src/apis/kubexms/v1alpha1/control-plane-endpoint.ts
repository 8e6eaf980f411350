import * as z from 'zod';
import { addressOrNothing, dnsName, imageReference, port } from './formats.js';
import type { ControlPlaneEndpoint } from './types.js';

/** Under which name and address every node reaches the API servers. */
export const controlPlaneEndpointSchema = z.strictObject({
  type: z
    .enum(['internal', 'external', 'keepalived', 'kube-vip'])
    .optional()
    .describe(
      '`internal`: a haproxy on every worker, at 127.0.0.1, in front of all control planes (none where there is one alone); `external`: `address` is kept alive by you; `keepalived`: `address` is a virtual IP of the hosts of role loadbalancer, with haproxy on them, or of the control planes; `kube-vip`: the same of the control planes, as a static pod. Default: external where there is an address, else internal.',
    ),
  domain: dnsName.default('lb.kubexm.local').describe('Name under which every node knows the API servers.'),
  address: addressOrNothing
    .optional()
    .describe('Address of your load balancer, or the virtual IP; empty: the internal one.'),
  port: port
    .default(6443)
    .describe(
      "Port of the endpoint. With `internal`, `kube-vip`, and `keepalived` on control planes: the API servers' own, 6443.",
    ),
  haproxy: z
    .strictObject({
      image: imageReference
        .default('docker.io/library/haproxy:3.0.11')
        .describe('Whole name of the image of the haproxy on workers.'),
    })
    .prefault({})
    .describe('Settings of type internal.'),
  keepalived: z
    .strictObject({
      virtualRouterId: z
        .int()
        .min(1)
        .max(255)
        .optional()
        .describe('VRRP router id; unique in the network segment. Default: made from `address`.'),
    })
    .prefault({})
    .describe('Settings of type keepalived.'),
  kubeVip: z
    .strictObject({
      image: imageReference
        .default('ghcr.io/kube-vip/kube-vip:v0.9.1')
        .describe('Whole name of the image of kube-vip.'),
    })
    .prefault({})
    .describe('Settings of type kube-vip.'),
});

export type ControlPlaneEndpointInput = z.output<typeof controlPlaneEndpointSchema>;

export function resolveEndpoint(input: ControlPlaneEndpointInput): ControlPlaneEndpoint {
  const { address = '', domain, port: at } = input;
  const type = endpointType(input);
  switch (type) {
    case 'internal':
      return { type, domain, port: at, haproxy: input.haproxy };
    case 'external':
      return { type, domain, address, port: at };
    case 'keepalived': {
      const { virtualRouterId = routerIdOf(address) } = input.keepalived;
      return { type, domain, address, port: at, keepalived: { virtualRouterId } };
    }
    case 'kube-vip':
      return { type, domain, address, port: at, kubeVip: input.kubeVip };
  }
}

/** What is meant where nothing is said. */
export function endpointType({
  type,
  address = '',
}: Pick<ControlPlaneEndpointInput, 'type' | 'address'>): ControlPlaneEndpoint['type'] {
  return type ?? (address === '' ? 'internal' : 'external');
}

/** Virtual IPs of one segment mostly differ in their last number, which is then as unique as they are. */
function routerIdOf(address: string): number {
  return Math.max(1, Number(address.split('.').at(-1)) || 1);
}
