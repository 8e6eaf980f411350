import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { HostName } from '../../plan/index.js';
import { hostsWithRole, type PlanContext } from '../context.js';

/**
 * The control plane that speaks for the cluster: the first in the config that is one already, else the first. A first
 * control plane that was replaced joins like any other.
 */
export function initHost(ctx: PlanContext): HostName {
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const serving = controlPlanes.find((host) => ctx.facts.get(host)?.leftovers.includes(hostPaths.adminKubeconfig));
  const chosen = serving ?? controlPlanes[0];
  if (chosen === undefined) throw new KubexmError('INTERNAL', 'the config has no control plane');
  return chosen;
}
