import * as z from 'zod';
import { addressOrNothing, dnsName, port } from './formats.js';
import type { ControlPlaneEndpoint } from './types.js';

/** Under which name and address every node reaches the API servers. */
export const controlPlaneEndpointSchema = z.strictObject({
  type: z
    .enum(['internal', 'external'])
    .optional()
    .describe(
      '`internal`: /etc/hosts of every node has the domain with the addresses of all control planes, which are tried in turn; `external`: `address` is kept alive by you. Default: external where there is an address.',
    ),
  domain: dnsName.default('lb.kubexm.local').describe('Name under which every node knows the API servers.'),
  address: addressOrNothing
    .optional()
    .describe('Address of your load balancer or virtual IP; empty: the internal one.'),
  port: port.default(6443).describe('Port of the endpoint.'),
});

export type ControlPlaneEndpointInput = z.output<typeof controlPlaneEndpointSchema>;

export function resolveEndpoint(input: ControlPlaneEndpointInput): ControlPlaneEndpoint {
  const { address, domain } = input;
  const internal = address === undefined || address === '' || input.type === 'internal';
  if (internal) return { type: 'internal', domain, port: input.port };
  return { type: 'external', domain, address, port: input.port };
}
