import { type Cluster, corednsImage, pauseImage } from '../../apis/kubexms/v1alpha1/index.js';
import { flannelImages } from '../network/flannel-images.js';

/** Images by who needs them and when: what the static pods run from decides when `kubeadm init` can begin. */
export function imagesOf(cluster: Cluster): {
  readonly controlPlane: readonly string[];
  readonly everyNode: readonly string[];
  readonly dns: readonly string[];
} {
  const { imageRepository, version } = cluster.spec.kubernetes;
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
  };
}
