import { type After, type Draft, draft, type Ref } from '../../plan/index.js';
import { endpointAnswers, type StepContext } from '../../step/index.js';
import { defineTask, type PlanContext } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { addressKept, apiServing, controlPlaneMade, endpointReady, servingCertificates } from '../milestones.js';
import { balanceWorkers } from './balance.js';
import { keepByKeepalived } from './keepalived.js';
import { keepByKubeVip } from './kube-vip.js';

/** Whatever stands before the API servers, by the kind of the endpoint. Those that join wait for a virtual address. */
export const raiseEndpoint = defineTask('raise-endpoint', (ctx) => {
  const { controlPlaneEndpoint: endpoint } = ctx.cluster.spec;
  const g = draft<StepContext>('raise-endpoint');
  switch (endpoint.type) {
    case 'internal':
      g.provide(endpointReady, balanceWorkers(g, ctx, endpoint.haproxy.image));
      break;
    case 'external':
      g.provide(endpointReady, []);
      break;
    case 'keepalived': {
      const { address, keepalived } = endpoint;
      const kept = keepByKeepalived(g, ctx, { address, routerId: keepalived.virtualRouterId });
      g.provide(addressKept, kept);
      provideAnswer(g, ctx, endpoint, kept);
      break;
    }
    case 'kube-vip': {
      const { address, port, kubeVip } = endpoint;
      provideAnswer(g, ctx, endpoint, keepByKubeVip(g, ctx, { address, port, image: kubeVip.image }));
      break;
    }
  }
  return g.done();
});

/** Nobody is sent to an address before it answers with a certificate that has it. */
function provideAnswer(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { address, port }: { readonly address: string; readonly port: number },
  kept: Ref | readonly Ref[],
): void {
  const after: After = [kept, controlPlaneMade, servingCertificates].flat();
  const answered = g.add('answers', [initHost(ctx)], endpointAnswers({ address, port }), { after });
  g.provide(endpointReady, answered);
  g.provide(apiServing, answered);
}

/** For a plan that is for new workers alone: what is there already stays as it is. */
export const balanceNewWorkers = defineTask('balance-new-workers', (ctx) => {
  const { controlPlaneEndpoint: endpoint } = ctx.cluster.spec;
  const g = draft<StepContext>('balance-new-workers');
  if (endpoint.type === 'internal') balanceWorkers(g, ctx, endpoint.haproxy.image);
  return g.done();
});
