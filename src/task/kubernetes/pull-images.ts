import { draft, type HostName, sameHost } from '../../plan/index.js';
import { pullImages, type StepContext } from '../../step/index.js';
import { registryLogins } from '../container-runtime/registry.js';
import { criEndpoint } from '../container-runtime/runtime-hosts.js';
import { defineTask, nodeHosts, ownHosts } from '../context.js';
import { controlPlaneImages, runtimeReady } from '../milestones.js';
import { imagesOf } from './images.js';

/** Each node pulls what it needs and nothing else, beside everything that can run meanwhile. */
export const pullNodeImages = defineTask('pull-images', (ctx) => {
  const controlPlanes = ownHosts(ctx, 'control-plane');
  const workers = nodeHosts(ctx).filter((host) => !controlPlanes.includes(host));
  const images = imagesOf(ctx.cluster);
  const logins = registryLogins(ctx);
  const pull = (of: readonly string[]) => (host: HostName) =>
    pullImages({
      endpoint: criEndpoint(ctx, host).socket,
      images: of,
      ...(Object.keys(logins).length > 0 ? { logins } : {}),
    });
  const g = draft<StepContext>('pull-images');
  const needed = g.addEach('control-plane', controlPlanes, pull(images.controlPlane), {
    after: sameHost(runtimeReady),
  });
  // What kubeadm init waits for comes first; CoreDNS starts on the first node that is Ready, which is a control plane.
  g.addEach(
    'nodes-of-the-control-plane',
    controlPlanes,
    pull([...images.endpoint.controlPlane, ...images.everyNode, ...images.dns]),
    {
      after: sameHost(needed),
    },
  );
  g.addEach('workers', workers, pull([...images.everyNode, ...images.endpoint.worker]), {
    after: sameHost(runtimeReady),
  });
  g.provide(controlPlaneImages, needed);
  return g.done();
});
