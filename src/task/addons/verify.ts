import { type After, type Draft, draft, type Ref } from '../../plan/index.js';
import { type StepContext, verifyCluster } from '../../step/index.js';
import { nthAddress } from '../../util/ipv4.js';
import { defineTask, nodeHosts, type PlanContext } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { coreDnsApplied, nodeJoined, nodesConfigured } from '../milestones.js';

/** All nodes Ready, all system pods running, CoreDNS answering. */
export const verifyReadiness = defineTask('verify', (ctx) => {
  const g = draft<StepContext>('verify');
  addReadiness(g, ctx, [nodeJoined, coreDnsApplied, nodesConfigured]);
  return g.done();
});

/** The same proof as a part of another draft. */
export function addReadiness(g: Draft<StepContext>, ctx: PlanContext, after: After): Ref {
  const { network, kubernetes } = ctx.cluster.spec;
  const nodesReady = network.plugin !== 'none';
  return g.add(
    'cluster-ready',
    [initHost(ctx)],
    verifyCluster({
      nodes: nodeHosts(ctx),
      namespaces: ['kube-system', ...(network.plugin === 'flannel' ? ['kube-flannel'] : [])],
      nodesReady,
      // kubeadm gives CoreDNS the tenth address of the service network.
      ...(nodesReady
        ? {
            dns: {
              address: nthAddress(network.kubeServiceCIDR, 10),
              name: `kubernetes.default.svc.${kubernetes.dnsDomain}`,
            },
          }
        : {}),
    }),
    { after },
  );
}
