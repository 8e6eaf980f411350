import { draft, empty } from '../../plan/index.js';
import { kubectlApply, type StepContext, waitForFile } from '../../step/index.js';
import { defineTask } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { apiServing, networkApplied } from '../milestones.js';
import { flannelImage } from './flannel-images.js';

/** The pod network; nothing where the user brings it. */
export const installNetwork = defineTask('install-network', (ctx) => {
  const { network, kubernetes } = ctx.cluster.spec;
  if (network.plugin === 'none') return empty();
  const g = draft<StepContext>('install-network');
  const applied = g.add(
    'apply-flannel',
    [initHost(ctx)],
    kubectlApply({
      name: `flannel ${network.flannel.version}`,
      template: 'flannel/kube-flannel.yaml',
      data: {
        ...flannelImage(network.flannel),
        podsCidr: network.kubePodsCIDR,
        backend: network.flannel.backend,
        nftables: kubernetes.kubeProxy.mode === 'nftables',
      },
    }),
    { after: apiServing },
  );
  const ready = g.add(
    'wait-for-flannel',
    [initHost(ctx)],
    waitForFile({ path: '/run/flannel/subnet.env', because: 'flanneld has not started on this host', waitMs: 300_000 }),
    { after: applied },
  );
  g.provide(networkApplied, ready);
  return g.done();
});
