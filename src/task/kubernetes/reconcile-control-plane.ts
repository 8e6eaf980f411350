import { type After, type Draft, draft, type Ref, sameHost } from '../../plan/index.js';
import {
  reconcileKubelet,
  reconcileServingCertificate,
  reconcileStaticPods,
  type StepContext,
  uploadKubeadmConfig,
} from '../../step/index.js';
import { defineTask, type Fragment, type PlanContext } from '../context.js';
import { seeEncryptionThrough } from '../encryption/passes.js';
import {
  apiServing,
  controlPlaneImages,
  controlPlaneMade,
  endpointKnown,
  kubeletInstalled,
  nodesConfigured,
  servingCertificates,
} from '../milestones.js';
import { apiserverUrl } from './apiserver-url.js';
import { controlPlaneFiles, removeOldAuditFiles } from './control-plane-files.js';
import { initHost, servingHosts } from './init-host.js';
import { type DocumentOptions, initDocuments, kubeletDocuments, servingNames } from './kubeadm-config.js';
import { isKeyless, placeServing } from './signed-elsewhere.js';

/**
 * Control planes that are there already are brought to the config one after the other, first their static pods, then their
 * kubelets: what cannot run is put back on the first, and the others are not touched. Only then does the cluster get the
 * configuration that joins read.
 */
export const reconcileControlPlane = defineTask('reconcile-control-plane', (ctx) => {
  const host = initHost(ctx);
  const documents = initDocuments(ctx, host);
  const g = draft<StepContext>('reconcile-control-plane');
  const made = [controlPlaneMade, sameHost([kubeletInstalled, controlPlaneImages], { where: 'present' })];
  const certified = certifyNames(g, ctx, made);
  g.provide(servingCertificates, certified);
  let before = changeStaticPods(g, ctx, { after: [made, certified] });
  for (const name of servingHosts(ctx)) {
    const step = reconcileKubelet({ nodeName: name, role: 'control-plane', documents: kubeletDocuments(ctx, name) });
    before = g.add(`kubelet-${name}`, [name], step, { after: before });
  }
  const uploaded = g.add(
    'upload-config',
    [host],
    uploadKubeadmConfig({ documents, configMaps: ['kubeadm-config', 'kubelet-config'] }),
    { after: before },
  );
  const kubeProxy = g.add('kube-proxy', [host], uploadKubeadmConfig({ documents, configMaps: ['kube-proxy'] }), {
    // Its pods start with what /etc/hosts says of the endpoint's name.
    after: [uploaded, endpointKnown],
  });
  if (ctx.cluster.spec.kubernetes.encryptionAtRest === undefined) g.provide(apiServing, uploaded);
  else {
    // Whoever joins writes with the key: by then all can read that.
    const { written } = seeEncryptionThrough(g, ctx, { after: uploaded });
    g.provide(apiServing, [uploaded, written]);
  }
  removeOldAuditFiles(g, ctx, { hosts: servingHosts(ctx), after: uploaded });
  g.provide(nodesConfigured, kubeProxy);
  return g.done();
});

/**
 * Makes every apiserver use these etcd members, such as `https://10.0.0.11:2379`, one control plane after the other. For plans
 * that change members: one that was added is named when it votes, one that is to go is forgotten before it does.
 */
export function reconcileApiserverEtcd(ctx: PlanContext, etcdEndpoints: readonly string[]): Fragment {
  const host = initHost(ctx);
  const g = draft<StepContext>('reconcile-apiserver-etcd');
  g.add(
    'upload-config',
    [host],
    uploadKubeadmConfig({ documents: initDocuments(ctx, host, { etcdEndpoints }), configMaps: ['kubeadm-config'] }),
    { after: changeStaticPods(g, ctx, { etcdEndpoints, after: [] }) },
  );
  return g.done();
}

/**
 * Certificates with all names for the API servers that are there, one after the other; a new one gets its own from kubeadm.
 * One that was signed elsewhere is in the work directory, and was looked at before anything began.
 */
function certifyNames(g: Draft<StepContext>, ctx: PlanContext, after: After): readonly Ref[] {
  const refs: Ref[] = [];
  for (const name of servingHosts(ctx)) {
    if (isKeyless(ctx, 'ca')) {
      refs.push(placeServing(g, ctx, { host: name, after: [after, refs.slice(-1)].flat() }));
      continue;
    }
    const step = reconcileServingCertificate({ documents: initDocuments(ctx, name), names: servingNames(ctx, name) });
    refs.push(g.add(`certificate-${name}`, [name], step, { after: [after, refs.slice(-1)] }));
  }
  return refs;
}

/** The static pods of one host after the other. */
export function changeStaticPods(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { after, ...options }: DocumentOptions & { readonly after: After },
): After {
  let before: After = [after, ...controlPlaneFiles(g, ctx, { hosts: servingHosts(ctx), after })].flat();
  const existing = servingHosts(ctx);
  for (const name of existing) {
    const step = reconcileStaticPods({
      nodeName: name,
      documents: initDocuments(ctx, name, options),
      apiservers: {
        own: apiserverUrl(ctx, name),
        others: existing.filter((other) => other !== name).map((other) => apiserverUrl(ctx, other)),
      },
    });
    before = g.add(`static-pods-${name}`, [name], step, { after: [after, before] });
  }
  return before;
}
