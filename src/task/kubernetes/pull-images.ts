import { draft, sameHost } from '../../plan/index.js';
import { pullImages, type StepContext } from '../../step/index.js';
import { criEndpoint } from '../container-runtime/install.js';
import { defineTask, hostsWithRole, nodeHosts } from '../context.js';
import { controlPlaneImages, runtimeReady } from '../milestones.js';
import { imagesOf } from './images.js';

/** Each node pulls what it needs and nothing else, beside everything that can run meanwhile. */
export const pullNodeImages = defineTask('pull-images', (ctx) => {
  const { socket: endpoint } = criEndpoint(ctx);
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const workers = nodeHosts(ctx).filter((host) => !controlPlanes.includes(host));
  const images = imagesOf(ctx.cluster);
  const g = draft<StepContext>('pull-images');
  const needed = g.add('control-plane', controlPlanes, pullImages({ endpoint, images: images.controlPlane }), {
    after: sameHost(runtimeReady),
  });
  // What kubeadm init waits for comes first; CoreDNS starts on the first node that is Ready, which is a control plane.
  g.add(
    'nodes-of-the-control-plane',
    controlPlanes,
    pullImages({ endpoint, images: [...images.everyNode, ...images.dns] }),
    { after: sameHost(needed) },
  );
  g.add('workers', workers, pullImages({ endpoint, images: images.everyNode }), { after: sameHost(runtimeReady) });
  g.provide(controlPlaneImages, needed);
  return g.done();
});
