import { draft } from '../../plan/index.js';
import { kubeadmAddon, type StepContext } from '../../step/index.js';
import { defineTask } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { initDocuments } from '../kubernetes/kubeadm-config.js';
import { bootstrapToken } from '../kubernetes/pki.js';
import { apiServing, coreDnsApplied, networkApplied } from '../milestones.js';

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
    kubeadmAddon({ addon: 'coredns', documents: initDocuments(ctx, host), token: bootstrapToken(ctx) }),
    { after: ctx.cluster.spec.network.plugin === 'none' ? apiServing : networkApplied },
  );
  g.provide(coreDnsApplied, applied);
  return g.done();
});
