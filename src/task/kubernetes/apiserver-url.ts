import { ports } from '../../common/host-paths.js';
import type { HostName } from '../../plan/index.js';
import { internalAddress, type PlanContext } from '../context.js';

/** The apiserver of one control plane, past any load balancer, such as `https://10.0.0.11:6443`. */
export function apiserverUrl(ctx: PlanContext, host: HostName): string {
  return `https://${internalAddress(ctx, host)}:${ports.apiserver}`;
}
