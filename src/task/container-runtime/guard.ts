import { draft } from '../../plan/index.js';
import { type StepContext, sameRuntime } from '../../step/index.js';
import { defineTask, nodeHosts } from '../context.js';
import { criEndpoint, isNode } from './runtime-hosts.js';

/** No node gets another kind of runtime in passing: before anything is changed on any host. */
export const guardRuntimes = defineTask('same-runtime', (ctx) => {
  const nodes = nodeHosts(ctx).filter((host) => ctx.facts.has(host) && isNode(ctx, host));
  const g = draft<StepContext>('same-runtime');
  g.addEach('kubelet', nodes, (host) => sameRuntime({ nodeName: host, endpoint: criEndpoint(ctx, host).socket }));
  return g.done();
});
