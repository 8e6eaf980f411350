import { draft, type HostName, sameHost } from '../../plan/index.js';
import { addServingChain, kubeadmJoin, kubeletInputs, type StepContext, staticPodInputs } from '../../step/index.js';
import { crossFile } from '../certs/leaf-files.js';
import { defineTask, hostsWithRole, nodeHosts, ownHosts, type PlanContext } from '../context.js';
import {
  apiServing,
  controlPlaneImages,
  controlPlanePki,
  kubeletInstalled,
  nodeJoined,
  osReady,
  runtimeReady,
} from '../milestones.js';
import { initHost, servingHosts } from './init-host.js';
import { ignoredChecks } from './kubeadm-checks.js';
import { initDocuments, joinDocuments, kubeletDocuments } from './kubeadm-config.js';
import { bootstrapToken, clusterCaCert } from './pki.js';
import { nodeCredentials } from './signed-elsewhere.js';

/** The further control planes, one at a time: each changes what the others serve. */
export const joinControlPlanes = defineTask('join-control-planes', (ctx) => {
  const first = initHost(ctx);
  const hosts = ownHosts(ctx, 'control-plane').filter((host) => host !== first);
  const g = draft<StepContext>('join-control-planes');
  const joined = g.addEach(
    'kubeadm-join',
    hosts,
    (host) => kubeadmJoin(joinParams(ctx, host, 'control-plane'), { uses: ['kubeadm-join', 'control-plane-join'] }),
    {
      after: [apiServing, sameHost([osReady, runtimeReady, kubeletInstalled, controlPlaneImages, controlPlanePki])],
    },
  );
  g.provide(nodeJoined, joined);
  // A cluster that is there may have had another CA.
  if (servingHosts(ctx).length > 0)
    g.add('serving-chain', hosts, addServingChain({ cross: crossFile(ctx) }), { after: sameHost(joined) });
  return g.done();
});

/** Workers join beside each other: a slow one holds up nobody. */
export const joinWorkers = defineTask('join-workers', (ctx) => {
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const hosts = nodeHosts(ctx).filter((host) => !controlPlanes.includes(host));
  const g = draft<StepContext>('join-workers');
  const joined = g.addEach('kubeadm-join', hosts, (host) => kubeadmJoin(joinParams(ctx, host, 'worker')), {
    after: [apiServing, sameHost([osReady, runtimeReady, kubeletInstalled])],
  });
  g.provide(nodeJoined, joined);
  return g.done();
});

function joinParams(ctx: PlanContext, host: HostName, role: 'control-plane' | 'worker') {
  const { controlPlaneEndpoint: endpoint } = ctx.cluster.spec;
  return {
    nodeName: host,
    role,
    documents: joinDocuments(ctx, host),
    inputs: {
      kubelet: kubeletInputs(kubeletDocuments(ctx, host)),
      ...(role === 'control-plane' ? { staticPods: staticPodInputs(initDocuments(ctx, host)) } : {}),
    },
    token: bootstrapToken(ctx),
    caCert: clusterCaCert(ctx),
    server: `https://${endpoint.domain}:${endpoint.port}`,
    ignorePreflightErrors: ignoredChecks(ctx, host),
    ...nodeCredentials(ctx, host),
  };
}
