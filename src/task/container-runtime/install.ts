import { hostPaths } from '../../common/host-paths.js';
import { KubexmError, unreachable } from '../../errors/index.js';
import { defineTask, type PlanContext } from '../context.js';
import { planContainerd } from './install-containerd.js';

/** The container runtime of the config on every node. */
export const installContainerRuntime = defineTask('install-container-runtime', (ctx) => {
  const runtime = ctx.cluster.spec.kubernetes.containerRuntime;
  switch (runtime.type) {
    case 'containerd':
      return planContainerd(ctx, runtime);
    case 'docker':
      throw new KubexmError(
        'HOST_UNSUPPORTED',
        'containerRuntime.type: docker cannot be installed by this version of kubexm',
        {
          hint: 'set spec.kubernetes.containerRuntime.type to containerd',
          retryable: false,
        },
      );
    default:
      return unreachable(runtime);
  }
});

/** Where kubelet, kubeadm and crictl find the runtime, and the unit that it is. */
export function criEndpoint(ctx: PlanContext): { readonly socket: string; readonly unit: string } {
  return ctx.cluster.spec.kubernetes.containerRuntime.type === 'docker'
    ? { socket: 'unix:///run/cri-dockerd.sock', unit: 'cri-dockerd.service' }
    : { socket: hostPaths.containerd.socket, unit: 'containerd.service' };
}
