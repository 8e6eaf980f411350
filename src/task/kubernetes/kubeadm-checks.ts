import type { HostName } from '../../plan/index.js';
import type { PlanContext } from '../context.js';
import { onCgroupV1 } from './cgroup-v1.js';

/**
 * Names of kubeadm's checks that are only warnings on this host. From 1.35 on kubeadm refuses cgroup v1 also where kubelets are
 * told to take it (`failCgroupV1: false`), and asks for its whole SystemVerification to be left out; preflight has looked at
 * kernel, cgroups and runtime itself.
 */
export function ignoredChecks({ cluster, facts }: PlanContext, host: HostName): readonly string[] {
  return onCgroupV1(cluster) === 'taken-when-told' && facts.get(host)?.cgroup === 'v1' ? ['SystemVerification'] : [];
}
