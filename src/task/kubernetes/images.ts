import { type Cluster, corednsImage, pauseImage } from '../../apis/kubexms/v1alpha1/index.js';
import { flannelImages } from '../network/flannel-images.js';

/** Images by who needs them and when: what the static pods run from decides when `kubeadm init` can begin. */
export function imagesOf(cluster: Cluster): {
  readonly controlPlane: readonly string[];
  readonly everyNode: readonly string[];
  readonly dns: readonly string[];
  /** What stands before the API servers as a pod. */
  readonly endpoint: { readonly controlPlane: readonly string[]; readonly worker: readonly string[] };
} {
  const { kubernetes, controlPlaneEndpoint: endpoint, roleGroups } = cluster.spec;
  const { imageRepository, version } = kubernetes;
  const balanced = endpoint.type === 'internal' && roleGroups['control-plane'].length > 1;
  return {
    controlPlane: [
      ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(
        (name) => `${imageRepository}/${name}:${version}`,
      ),
      pauseImage(cluster),
    ],
    everyNode: [
      pauseImage(cluster),
      `${imageRepository}/kube-proxy:${version}`,
      ...flannelImages(cluster.spec.network),
    ],
    dns: [corednsImage(cluster)],
    endpoint: {
      controlPlane: endpoint.type === 'kube-vip' ? [endpoint.kubeVip.image] : [],
      worker: balanced ? [endpoint.haproxy.image] : [],
    },
  };
}
