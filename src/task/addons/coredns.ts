import { corednsImage } from '../../apis/kubexms/v1alpha1/index.js';
import { draft } from '../../plan/index.js';
import { kubeadmAddon, type StepContext } from '../../step/index.js';
import { defineTask, type PlanContext } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { initDocuments } from '../kubernetes/kubeadm-config.js';
import { bootstrapToken } from '../kubernetes/pki.js';
import { apiServing, coreDnsApplied, networkApplied } from '../milestones.js';

/** What CoreDNS runs from; a tag of the user's own is the user's. */
export function coreDns({ cluster }: PlanContext) {
  const isOwnRelease = cluster.spec.kubernetes.dns.imageTag !== undefined;
  return { addon: 'coredns' as const, image: corednsImage(cluster), isOwnRelease };
}

/**
 * CoreDNS as kubeadm gives it, but only when the pod network is there: pods that are scheduled before wait in the
 * sandbox's back-off for many seconds.
 */
export const installCoreDns = defineTask('install-coredns', (ctx) => {
  const host = initHost(ctx);
  const g = draft<StepContext>('install-coredns');
  const applied = g.add(
    'apply',
    [host],
    kubeadmAddon({ ...coreDns(ctx), documents: initDocuments(ctx, host), token: bootstrapToken(ctx) }),
    { after: ctx.cluster.spec.network.plugin === 'none' ? apiServing : networkApplied },
  );
  g.provide(coreDnsApplied, applied);
  return g.done();
});
