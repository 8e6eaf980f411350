import { error, type Issue } from '../issue.js';
import type { Check } from './context.js';

/** The endpoint is either kubexm's own or somebody's address. */
export const checkEndpoint: Check = {
  relies: ['controlPlaneEndpoint', 'roleGroups'],
  find: ({ input: { spec }, hostNames }) => {
    const { type, domain, address = '' } = spec.controlPlaneEndpoint;
    const path = (key: string) => ['spec', 'controlPlaneEndpoint', key];
    const issues: Issue[] = [];
    if (type === 'external' && address === '') {
      const hint =
        'address: the IP of your load balancer; or type: internal, where nodes try the control planes in turn';
      issues.push(error('endpoint-address', path('type'), 'an external endpoint needs its address', { hint }));
    }
    if (type === 'internal' && address !== '') {
      const hint = 'leave address empty, or write type: external';
      issues.push(
        error('endpoint-address', path('address'), 'the internal endpoint has no address of its own', { hint }),
      );
    }
    if (spec.roleGroups.loadbalancer.length > 0 && address === '') {
      const hint = 'address: of the load balancer, or the virtual IP in front of several';
      const message =
        'hosts have the role loadbalancer, so controlPlaneEndpoint.address must say where they are reached';
      issues.push(error('endpoint-address', ['spec', 'roleGroups', 'loadbalancer'], message, { hint }));
    }
    if (hostNames.has(domain)) {
      issues.push(
        error(
          'endpoint-domain',
          path('domain'),
          `"${domain}" is the name of a host; the endpoint needs one of its own`,
        ),
      );
    }
    return issues;
  },
};
