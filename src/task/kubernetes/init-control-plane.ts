import { draft, sameHost } from '../../plan/index.js';
import { applyBootstrapToken, kubeadmInit, type StepContext } from '../../step/index.js';
import { defineTask, nodeHosts, type PlanContext } from '../context.js';
import { servesItself } from '../endpoint/hosts.js';
import {
  addressKept,
  controlPlaneImages,
  controlPlaneMade,
  controlPlanePki,
  etcdReady,
  kubeletInstalled,
  nodeJoined,
  osReady,
  runtimeReady,
} from '../milestones.js';
import { initHost } from './init-host.js';
import { ignoredChecks } from './kubeadm-checks.js';
import { initDocuments } from './kubeadm-config.js';
import { bootstrapToken } from './pki.js';
import { nodeCredentials } from './signed-elsewhere.js';

/** Makes the first control plane; everyone else joins it. */
export const initControlPlane = defineTask('init-control-plane', (ctx) => {
  const host = initHost(ctx);
  const others = nodeHosts(ctx).filter((name) => name !== host);
  const token = bootstrapToken(ctx);
  const g = draft<StepContext>('init-control-plane');
  const initialised = g.add(
    'kubeadm-init',
    [host],
    kubeadmInit({
      nodeName: host,
      documents: initDocuments(ctx, host),
      token,
      ignorePreflightErrors: ignoredChecks(ctx, host),
      ...nodeCredentials(ctx, host),
    }),
    {
      after: [
        etcdReady,
        // Where no API server itself answers at the endpoint, kubeadm reaches the first one only through haproxy.
        ...(needsAddress(ctx) ? [addressKept] : []),
        sameHost([osReady, runtimeReady, kubeletInstalled, controlPlaneImages, controlPlanePki]),
      ],
    },
  );
  const admitted = g.add(
    'bootstrap-token',
    others.length > 0 ? [host] : [],
    applyBootstrapToken({ token, nodes: others, hours: 24 }),
    { after: initialised },
  );
  g.provide(controlPlaneMade, [initialised, admitted]);
  g.provide(nodeJoined, initialised);
  return g.done();
});

function needsAddress(ctx: PlanContext): boolean {
  return ctx.cluster.spec.controlPlaneEndpoint.type === 'keepalived' && !servesItself(ctx, initHost(ctx));
}
