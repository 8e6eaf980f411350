import { draft, sameHost } from '../../plan/index.js';
import { refreshPodHosts, type StepContext } from '../../step/index.js';
import { criEndpoint } from '../container-runtime/runtime-hosts.js';
import { defineTask } from '../context.js';
import { endpointKnown, endpointReady, nodeJoined, servingCertificates } from '../milestones.js';
import { hostsFile } from '../preflight/prepare-os.js';
import { presentNodes } from './hosts.js';
import { retireEndpoint } from './retire.js';

/**
 * Nodes that are there already learn where the API is, once it can be found there: they reach it all the time. What stood before
 * the API servers until now goes when nobody asks it any more.
 */
export const followEndpoint = defineTask('follow-endpoint', (ctx) => {
  const { domain } = ctx.cluster.spec.controlPlaneEndpoint;
  const g = draft<StepContext>('follow-endpoint');
  const nodes = presentNodes(ctx);
  if (nodes.length === 0) {
    g.provide(endpointKnown, []);
    return g.done();
  }
  const named = g.addEach('hosts-file', nodes, (host) => hostsFile(ctx, host), {
    after: [endpointReady, servingCertificates],
  });
  const told = g.addEach(
    'kube-proxy',
    nodes,
    (host) => refreshPodHosts({ endpoint: criEndpoint(ctx, host).socket, domain }),
    { after: [sameHost(named), sameHost(nodeJoined, { where: 'present' })] },
  );
  g.provide(endpointKnown, told);
  retireEndpoint(g, ctx, told);
  return g.done();
});
