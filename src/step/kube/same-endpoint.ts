import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { defineStep, satisfied } from '../define.js';

/** `server`: the endpoint by its name, `https://lb.kubexm.local:6443`. */
export interface SameEndpoint {
  readonly server: string;
}

/**
 * Refuses another name or port than the kubeconfigs of a cluster that is there have: every kubelet, kube-proxy and administrator
 * would have to be told at the same moment. What stands behind the name may change. It changes nothing.
 */
export const sameEndpoint = defineStep<SameEndpoint>({
  kind: 'kube.same-endpoint',
  title: () => 'Check the name and port of the endpoint',
  async precheck({ host, signal }, p) {
    const kubeconfig = await host.readFile(hostPaths.adminKubeconfig, { signal });
    const found = /^\s*server: *"?(https:\/\/[^\s"]+)/m.exec(kubeconfig ?? '')?.[1];
    // A kubeconfig with an address was written by another hand: who reads it asks no name.
    if (found === undefined || found === p.server || /^https:\/\/[\d.]+(:|$)/.test(found))
      return satisfied('the kubeconfigs of the cluster have it');
    const url = new URL(found);
    throw new KubexmError('GUARD_REFUSED', `${host.name}: the cluster has its API at ${found}, not at ${p.server}`, {
      details: [
        `${hostPaths.adminKubeconfig}, and the kubeconfigs of kubelets and kube-proxy, have ${found}`,
        'the kind and the address of the endpoint can change on a cluster that is there, its name and port cannot',
      ],
      hint: `spec.controlPlaneEndpoint: domain: ${url.hostname}, port: ${url.port || 443}`,
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});
