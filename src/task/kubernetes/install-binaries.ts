import { hostPaths } from '../../common/host-paths.js';
import { draft, sameHost } from '../../plan/index.js';
import { daemonReload, enableService, makeDirectory, renderTemplate, type StepContext } from '../../step/index.js';
import { placeBinary } from '../artifacts.js';
import { criEndpoint } from '../container-runtime/runtime-hosts.js';
import { defineTask, nodeHosts, ownHosts } from '../context.js';
import { kubeletInstalled } from '../milestones.js';

const service = 'kubelet.service';

/** kubelet and kubeadm on every node, kubectl on the control planes, and the kubelet's unit. kubeadm starts it. */
export const installKubernetesBinaries = defineTask('install-kubernetes-binaries', (ctx) => {
  const hosts = nodeHosts(ctx);
  const { version } = ctx.cluster.spec.kubernetes;
  const g = draft<StepContext>('install-kubernetes-binaries');
  const place = (name: 'kubelet' | 'kubeadm' | 'kubectl', on: readonly string[]) =>
    placeBinary({ g, ctx, component: { name, version }, hosts: on }, `${hostPaths.bin}/${name}`);
  const kubelet = place('kubelet', hosts);
  const kubeadm = place('kubeadm', hosts);
  const kubectl = place('kubectl', ownHosts(ctx, 'control-plane'));
  const unit = g.addEach('write-unit', hosts, (host) =>
    renderTemplate({
      template: 'kubernetes/kubelet.service',
      data: { runtimeUnit: criEndpoint(ctx, host).unit },
      target: `${hostPaths.units}/${service}`,
    }),
  );
  const dropIn = g.add(
    'write-drop-in',
    hosts,
    renderTemplate({
      template: 'kubernetes/10-kubeadm.conf',
      data: {},
      target: `${hostPaths.units}/${service}.d/10-kubeadm.conf`,
    }),
  );
  // The kubelet warns every 20 s about a static pod directory that is missing, and workers have none otherwise.
  const manifests = g.add(
    'make-manifests-directory',
    hosts,
    makeDirectory({ path: `${hostPaths.kubernetes}/manifests`, mode: 0o755 }),
  );
  const reloaded = g.add('daemon-reload', hosts, daemonReload({ units: [service] }), {
    after: sameHost([unit, dropIn]),
  });
  const enabled = g.add('enable', hosts, enableService({ service }), { after: sameHost([reloaded, manifests]) });
  g.provide(kubeletInstalled, [kubelet, kubeadm, enabled, kubectl]);
  return g.done();
});
