import { unreachable } from '../../errors/index.js';
import type { HostName } from '../../plan/index.js';
import { hostsWithRole, nodeHosts, type PlanContext } from '../context.js';
import { type RotateCa, rotationPass } from './rotate.js';

/** What a rotation will do, in its order, host by host; what is done already is said to be. One line a pass. */
export function rotationStages(ctx: PlanContext, params: Pick<RotateCa, 'which' | 'certificates'>): readonly string[] {
  const isSigned = rotationPass(params) === 'drop';
  return passes(ctx, params.which).map(
    (text, index) => `${index + 1}. ${isSigned && index < 2 ? 'done: ' : ''}${text}`,
  );
}

function passes(ctx: PlanContext, which: RotateCa['which']): readonly string[] {
  const controlPlanes = turns(hostsWithRole(ctx, 'control-plane'));
  const members = hostsWithRole(ctx, 'etcd');
  const clients = hostsWithRole(ctx, 'control-plane').filter((host) => !members.includes(host));
  switch (which) {
    case 'cluster':
      return [
        `trust both on ${list(nodeHosts(ctx))}; controller managers are restarted: ${controlPlanes}`,
        `sign anew what apiservers serve, then administrators; apiserver, controller manager and scheduler are restarted: ${controlPlanes}; then kubelets: ${list(nodeHosts(ctx))}`,
        `trust the new one only, once every kubelet and every namespace has it; controller managers are restarted: ${controlPlanes}`,
      ];
    case 'front-proxy':
      return [
        `trust both on ${list(hostsWithRole(ctx, 'control-plane'))}, and wait until aggregated APIs are told`,
        `sign the apiservers' certificate for aggregated APIs anew; apiservers are restarted: ${controlPlanes}`,
        'trust the new one only; aggregated APIs are told',
      ];
    case 'etcd':
      return [
        `trust both on ${list([...members, ...clients])}; members are restarted: ${turns(members)}; apiservers: ${controlPlanes}`,
        `sign anew what members and their clients show: ${turns(members)}; apiservers: ${controlPlanes}`,
        `trust the new one only; members are restarted: ${turns(members)}; apiservers: ${controlPlanes}`,
      ];
    default:
      return unreachable(which);
  }
}

/** `node1, then node2` */
function turns(hosts: readonly HostName[]): string {
  return hosts.join(', then ');
}

function list(hosts: readonly HostName[]): string {
  return hosts.length > 8 ? `all ${hosts.length} nodes` : hosts.join(', ');
}
