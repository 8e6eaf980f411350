import { type Draft, draft } from '../../plan/index.js';
import { addressFree, type StepContext, sameEndpoint } from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext } from '../context.js';
import { servingHosts } from '../kubernetes/init-host.js';
import { addressKeepers, answering } from './hosts.js';

/** Before anything is changed: everybody knows the API by the name that the config has, and a new address is nobody's. */
export const guardEndpoint = defineTask('endpoint-guard', (ctx) => {
  const { domain, port } = ctx.cluster.spec.controlPlaneEndpoint;
  const g = draft<StepContext>('endpoint-guard');
  g.add('same-name', servingHosts(ctx).slice(0, 1), sameEndpoint({ server: `https://${domain}:${port}` }));
  guardAddress(g, ctx);
  return g.done();
});

/** A host that has it keeps it for this cluster: then it is in use, as it should be. */
function guardAddress(g: Draft<StepContext>, ctx: PlanContext): void {
  const { controlPlaneEndpoint: endpoint } = ctx.cluster.spec;
  if (endpoint.type === 'internal' || endpoint.type === 'external') return;
  const { address } = endpoint;
  if ([...ctx.facts.values()].some(({ ipv4 }) => ipv4.some((each) => each.address === address))) return;
  const keepers = endpoint.type === 'keepalived' ? addressKeepers(ctx) : hostsWithRole(ctx, 'control-plane');
  g.add('address-free', answering(ctx, keepers).slice(0, 1), addressFree({ address }));
}
