import { minorOf } from '../../apis/kubexms/v1alpha1/index.js';
import type { HostName } from '../../plan/index.js';
import type { PlanContext } from '../context.js';

/**
 * Names of kubeadm's checks that are only warnings on this host. From 1.35 on kubeadm refuses cgroup v1 also where kubelets are
 * told to take it (`failCgroupV1: false`), and asks for its whole SystemVerification to be left out; preflight has looked at
 * kernel, cgroups and runtime itself. https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1
 */
export function ignoredChecks({ cluster, facts }: PlanContext, host: HostName): readonly string[] {
  const { version, kubelet } = cluster.spec.kubernetes;
  const takesCgroupV1 = minorOf(version) >= 35 && kubelet.extraConfig.failCgroupV1 === false;
  return takesCgroupV1 && facts.get(host)?.cgroup === 'v1' ? ['SystemVerification'] : [];
}
