import { type Cluster, minorOf } from '../../apis/kubexms/v1alpha1/index.js';

/**
 * What kubelets of a version (default: the config's) do on a host with cgroup v1. From 1.35 on they refuse it unless
 * `failCgroupV1` is false. https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1
 */
export function onCgroupV1(
  { spec: { kubernetes } }: Cluster,
  version: string = kubernetes.version,
): 'taken' | 'taken-when-told' | 'refused' {
  if (minorOf(version) < 35) return 'taken';
  return kubernetes.kubelet.extraConfig.failCgroupV1 === false ? 'taken-when-told' : 'refused';
}
