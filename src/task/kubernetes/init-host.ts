import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { HostName } from '../../plan/index.js';
import { hostsWithRole, type PlanContext } from '../context.js';

/**
 * The control plane that speaks for the cluster: the first in the config that is one already, else the first. A first
 * control plane that was replaced joins like any other.
 */
export function initHost(ctx: PlanContext): HostName {
  const chosen = servingHosts(ctx)[0] ?? hostsWithRole(ctx, 'control-plane')[0];
  if (chosen === undefined) throw new KubexmError('INTERNAL', 'the config has no control plane');
  return chosen;
}

/** Hosts that answer and are control planes already, in the config's order. */
export function servingHosts(ctx: PlanContext): readonly HostName[] {
  return hostsWithRole(ctx, 'control-plane').filter((host) =>
    ctx.facts.get(host)?.leftovers.includes(hostPaths.adminKubeconfig),
  );
}

/** A control plane that keeps serving while these nodes do not, where there is one; else one of them. Throws where none answers. */
export function speakerBeside(ctx: PlanContext, nodes: readonly HostName[]): HostName {
  const serving = servingHosts(ctx);
  const speaker = serving.find((host) => !nodes.includes(host)) ?? serving[0];
  if (speaker !== undefined) return speaker;
  throw new KubexmError('GUARD_REFUSED', 'no control plane of the cluster answers', {
    hint: 'kubexm cluster status',
    retryable: false,
  });
}
