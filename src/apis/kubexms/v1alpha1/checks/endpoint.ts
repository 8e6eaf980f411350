import { endpointType } from '../control-plane-endpoint.js';
import { parseIPv4 } from '../ipv4.js';
import { error, type Issue, type Path } from '../issue.js';
import type { Check, CheckContext } from './context.js';

/** Of kube-apiserver; `ports.apiserver` of the hosts. */
const apiserverPort = 6443;

const path = (...keys: string[]): Path => ['spec', 'controlPlaneEndpoint', ...keys];

/** The endpoint is either kubexm's own or somebody's address, and nobody else's. */
export const checkEndpoint: Check = {
  relies: ['controlPlaneEndpoint', 'roleGroups'],
  find: (context) => [
    ...addressIssues(context),
    ...roleIssues(context),
    ...portIssues(context),
    ...domainIssues(context),
  ],
};

function addressIssues({ input: { spec } }: CheckContext): readonly Issue[] {
  const { type, address = '' } = spec.controlPlaneEndpoint;
  const is = endpointType(spec.controlPlaneEndpoint);
  if (is === 'internal') {
    if (address === '') return [];
    const hint = 'leave address empty, or write type: external';
    return [error('endpoint-address', path('address'), 'the internal endpoint has no address of its own', { hint })];
  }
  if (is === 'external') {
    if (address !== '') return [];
    const hint = 'address: the IP of your load balancer; or type: internal, which needs none';
    return [error('endpoint-address', path('type'), 'an external endpoint needs its address', { hint })];
  }
  const hint = "address: an IPv4 address of the hosts' network that is nobody's yet";
  if (address === '')
    return [error('endpoint-address', path('type'), `${type} needs an address that it keeps alive`, { hint })];
  if (parseIPv4(address) === undefined) {
    const message = `${type} keeps an IPv4 address alive; "${address}" is a name`;
    return [error('endpoint-address', path('address'), message, { hint })];
  }
  const owner = spec.hosts.find((host) => [host.address, host.internalAddress].includes(address));
  if (owner === undefined) return [];
  const message = `${address} is the address of the host ${owner.name}; a virtual IP moves between hosts`;
  return [error('endpoint-address', path('address'), message, { hint })];
}

function roleIssues({ input: { spec } }: CheckContext): readonly Issue[] {
  const { address = '' } = spec.controlPlaneEndpoint;
  const is = endpointType(spec.controlPlaneEndpoint);
  if (spec.roleGroups.loadbalancer.length === 0) return [];
  const at = ['spec', 'roleGroups', 'loadbalancer'];
  if (is === 'kube-vip') {
    const message = 'hosts have the role loadbalancer, but kube-vip runs on the control planes';
    return [
      error('endpoint-role', at, message, { hint: 'type: keepalived uses these hosts; or leave the role empty' }),
    ];
  }
  if (is === 'keepalived' || address !== '') return [];
  const hint = 'type: keepalived and address: a virtual IP; or type: external and the address of the load balancer';
  const message = 'hosts have the role loadbalancer, so controlPlaneEndpoint.address must say where they are reached';
  return [error('endpoint-address', at, message, { hint })];
}

/** Where an API server itself answers, the port is its own; elsewhere haproxy listens at whatever port. */
function portIssues({ input: { spec } }: CheckContext): readonly Issue[] {
  const is = endpointType(spec.controlPlaneEndpoint);
  if (spec.controlPlaneEndpoint.port === apiserverPort || is === 'external') return [];
  if (is === 'keepalived' && spec.roleGroups.loadbalancer.length > 0) return [];
  const message = `with type ${is} the API servers themselves answer at the endpoint, and their port is ${apiserverPort}`;
  const hint = `port: ${apiserverPort}${is === 'keepalived' ? '; or hosts of the role loadbalancer' : ''}`;
  return [error('endpoint-port', path('port'), message, { hint })];
}

function domainIssues({ input: { spec }, hostNames }: CheckContext): readonly Issue[] {
  const { domain } = spec.controlPlaneEndpoint;
  if (!hostNames.has(domain)) return [];
  const message = `"${domain}" is the name of a host; the endpoint needs one of its own`;
  return [error('endpoint-domain', path('domain'), message)];
}
