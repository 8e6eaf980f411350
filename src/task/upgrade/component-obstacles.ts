import {
  type Cluster,
  corednsImage,
  isOlder,
  minorOf,
  newestMinor,
  versionsFor,
} from '../../apis/kubexms/v1alpha1/index.js';
import { nodeHosts, type PlanContext } from '../context.js';
import { isSound } from '../etcd/observation.js';
import { onCgroupV1 } from '../kubernetes/cgroup-v1.js';
import type { UpgradeObservation } from './observation.js';

/** What does not go together with a version of the path. `last`: it is the one that the upgrade ends with. */
export function componentRefusals(
  ctx: PlanContext,
  observed: UpgradeObservation,
  { version, cluster, last }: { readonly version: string; readonly cluster: Cluster; readonly last: boolean },
): string[] {
  return [
    ...etcdTooOld(ctx, observed, version),
    ...(last ? [] : containerdTooOld(observed, version)),
    ...corednsTooNew(observed, version, cluster),
    ...cgroupRefusals(ctx, cluster, version),
  ];
}

/** An apiserver that restarts finds the members that are there: none of them may be ill by then. */
export function etcdUnsound(ctx: PlanContext, { etcd }: UpgradeObservation): string[] {
  if (ctx.cluster.spec.etcd.type === 'external') return [];
  const ill = etcd.members
    // Under an alarm for space nothing can be written, and it is healthy all the same.
    .filter((member) => !isSound(member) || member.alarms.length > 0)
    .map(
      (member) =>
        `etcd of ${member.name} is not healthy (${member.alarms.length > 0 ? `alarm ${member.alarms.join(', ')}` : (member.error ?? 'it does not say why')}): kubexm etcd health`,
    );
  return etcd.membership === 'agreed' ? ill : ['etcd has no quorum that agrees on its members: kubexm etcd health'];
}

/** What kubexm cannot look into. */
export function componentWarnings({ cluster: { spec } }: PlanContext, to: string): string[] {
  return [
    ...(minorOf(to) > newestMinor
      ? [`${to} is newer than what this kubexm was tried with (1.${newestMinor}): it is treated as 1.${newestMinor}`]
      : []),
    ...(spec.etcd.type === 'external'
      ? [
          `etcd is external: no snapshot of it is taken here, and it must be ${versionsFor(to).leastEtcd} or newer: see to both`,
        ]
      : []),
    ...(spec.network.plugin === 'none'
      ? [`the network plugin is not kubexm's: see that its release goes with ${to}`]
      : []),
  ];
}

/** Of the etcd that runs, not of that which the config would take for the new version. */
function etcdTooOld(ctx: PlanContext, { etcd }: UpgradeObservation, version: string): string[] {
  if (ctx.cluster.spec.etcd.type === 'external') return [];
  const { leastEtcd } = versionsFor(version);
  return etcd.members.flatMap(({ name, state }) => {
    const running = state?.status?.version;
    return running !== undefined && isOlder(running, leastEtcd)
      ? [
          `etcd of ${name} is v${running}; Kubernetes ${version} needs ${leastEtcd}: kubexm etcd upgrade --to ${leastEtcd}`,
        ]
      : [];
  });
}

/**
 * The runtime of the config, which the config's own check is about, comes with the last version; kubelets of those before meet
 * the one that runs. https://github.com/kubernetes/enhancements/issues/4033
 */
function containerdTooOld({ objects }: UpgradeObservation, version: string): string[] {
  if (minorOf(version) < 36) return [];
  return objects.nodes.flatMap(({ name, runtime }) => {
    const [, running] = /^containerd:\/\/(\S+)/.exec(runtime) ?? [];
    return running !== undefined && isOlder(running, '2.0.0')
      ? [
          `containerd of ${name} is ${running}; kubelets of ${version} need 2.0.0: first kubexm cluster create with spec.kubernetes.containerRuntime.version: 2.1.9`,
        ]
      : [];
  });
}

/** CoreDNS migrates its configuration forwards only. */
function corednsTooNew({ objects }: UpgradeObservation, version: string, cluster: Cluster): string[] {
  const tagOf = (image: string) => /:(v?\d+\.\d+\.\d+[^:/]*)$/.exec(image)?.[1];
  const [running, wanted] = [tagOf(objects.coredns ?? ''), tagOf(corednsImage(cluster))];
  return running !== undefined && wanted !== undefined && isOlder(wanted, running)
    ? [
        `CoreDNS runs ${running}, and ${wanted} would come with ${version}: write spec.kubernetes.dns.imageTag: ${running} into the config`,
      ]
    : [];
}

function cgroupRefusals(ctx: PlanContext, cluster: Cluster, version: string): string[] {
  if (onCgroupV1(cluster, version) !== 'refused') return [];
  const hosts = nodeHosts(ctx).filter((host) => ctx.facts.get(host)?.cgroup === 'v1');
  return hosts.length === 0
    ? []
    : [
        `${hosts.join(', ')}: cgroup v1, which kubelets refuse from 1.35 on; add to the config: spec.kubernetes.kubelet.extraConfig.failCgroupV1: false`,
      ];
}
