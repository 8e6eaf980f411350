import { type Cluster, isOlder, minorOf, newestMinor, versionsFor } from '../../apis/kubexms/v1alpha1/index.js';
import type { HostName } from '../../plan/index.js';
import { budgetsOf, podsToEvict } from '../../step/index.js';
import { hostsWithRole, nodeHosts, type PlanContext } from '../context.js';
import { apiName, controlPlaneIs, kubeletIs, removedApis, type UpgradeObservation } from './observation.js';

const mib = 2 ** 20;
/** The programs of one version beside those in place, and its images; measured with v1.34: 190 MB and 330 MB unpacked. */
const programsPerVersion = 256 * mib;
const imagesPerVersion = 512 * mib;

/** What forbids an upgrade, and what should be known of it. In words for the user. */
export interface Obstacles {
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Everything that can be known beforehand to stop an upgrade over these versions in its middle. `clusters`: the config as of
 * each of them.
 */
export function obstaclesOf(
  ctx: PlanContext,
  {
    observed,
    clusters,
    acceptRemovedApis,
  }: {
    readonly observed: UpgradeObservation;
    readonly clusters: ReadonlyMap<string, Cluster>;
    readonly acceptRemovedApis: boolean;
  },
): Obstacles {
  const path = [...clusters.keys()];
  const to = path.at(-1) ?? '';
  const nodes = drained(ctx, observed, path);
  const removed = removedApis(observed.deprecated, to).map(
    (api) => `${apiName(api)} is asked for, and is gone in ${api.removedRelease}`,
  );
  return {
    refusals: [
      ...notReady(ctx, observed),
      ...(acceptRemovedApis ? [] : removed),
      ...blockingBudgets(observed, nodes),
      ...unmanagedPods(observed, nodes),
      ...roomMissing(ctx, observed, path),
      ...[...clusters].flatMap(([version, cluster]) => [
        ...etcdTooOld(ctx, observed, version),
        ...cgroupRefusals(ctx, cluster, version),
      ]),
    ],
    warnings: [
      ...(acceptRemovedApis ? removed : []),
      ...(minorOf(to) > newestMinor
        ? [`${to} is newer than what this kubexm was tried with (1.${newestMinor}): it is treated as 1.${newestMinor}`]
        : []),
    ],
  };
}

/** Nodes that are drained: those whose kubelet is not of the first version yet; of further versions, all. */
export function drained(ctx: PlanContext, { hosts }: UpgradeObservation, path: readonly string[]): readonly HostName[] {
  const nodes = nodeHosts(ctx);
  // A cluster of one node has nowhere to move its pods, and a kubelet that restarts leaves them alone.
  if (nodes.length < 2) return [];
  return path.length > 1 ? nodes : nodes.filter((host) => !kubeletIs(hosts.get(host), path[0] ?? ''));
}

/** A node that this upgrade has under way may be down: it is finished first. */
function notReady(ctx: PlanContext, { hosts, objects }: UpgradeObservation): string[] {
  return nodeHosts(ctx).flatMap((host) => {
    const node = objects.nodes.find(({ name }) => name === host);
    if (node === undefined) return [`${host} is in the config and no node of the cluster`];
    return node.ready || hosts.get(host)?.begun === true ? [] : [`${host} is not Ready: ${node.because}`];
  });
}

/** Budgets that allow no disruption and cover pods on nodes that are drained. */
export function blockingBudgets(
  { objects }: Pick<UpgradeObservation, 'objects'>,
  nodes: readonly HostName[],
): string[] {
  const { pods, podNodes, budgets } = objects;
  const closed = budgets.filter(({ status }) => status?.disruptionsAllowed === 0);
  const found = podsToEvict(pods).evict.flatMap((pod) => {
    const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
    const node = podNodes[name] ?? '';
    return nodes.includes(node) ? budgetsOf(pod, closed).map((budget) => ({ budget, pod: `${name} on ${node}` })) : [];
  });
  const byBudget = new Map<string, string[]>();
  for (const { budget, pod } of found) byBudget.set(budget, [...(byBudget.get(budget) ?? []), pod]);
  return [...byBudget].map(([budget, kept]) => `the budget ${budget} lets none of its pods go: ${kept.join(', ')}`);
}

/** A drain would stop at them, in the middle. */
function unmanagedPods({ objects }: UpgradeObservation, nodes: readonly HostName[]): string[] {
  return podsToEvict(objects.pods).unmanaged.flatMap(({ metadata: { namespace, name } }) => {
    const node = objects.podNodes[`${namespace}/${name}`] ?? '';
    return nodes.includes(node)
      ? [`the pod ${namespace}/${name} on ${node} has no controller: nobody would make it anew`]
      : [];
  });
}

function roomMissing(ctx: PlanContext, { hosts }: UpgradeObservation, path: readonly string[]): string[] {
  return nodeHosts(ctx).flatMap((host) => {
    const open = path.filter(
      (version) => !kubeletIs(hosts.get(host), version) || (path.length > 1 && version !== path[0]),
    ).length;
    const facts = ctx.facts.get(host);
    if (facts === undefined || open === 0) return [];
    const runtime = facts.freeBytes['/var/lib/docker'] === undefined ? '/var/lib/containerd' : '/var/lib/docker';
    const needs: readonly (readonly [string, number])[] = [
      ['/var/lib/kubexm', open * programsPerVersion],
      [runtime, open * imagesPerVersion],
    ];
    const bySystem = new Map<string, { free: number; bytes: number; readonly paths: string[] }>();
    for (const [directory, bytes] of needs) {
      const free = facts.freeBytes[directory];
      if (free === undefined) continue;
      const key = facts.fileSystems[directory] ?? directory;
      const known = bySystem.get(key) ?? { free, bytes: 0, paths: [] };
      bySystem.set(key, {
        free: Math.min(free, known.free),
        bytes: known.bytes + bytes,
        paths: [...known.paths, directory],
      });
    }
    return [...bySystem.values()]
      .filter(({ free, bytes }) => free < bytes)
      .map(
        ({ free, bytes, paths }) =>
          `${host}: ${Math.floor(free / mib)} MiB free for ${paths.join(' and ')}, ${bytes / mib} are needed`,
      );
  });
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

/** https://github.com/kubernetes/enhancements/issues/5573: failCgroupV1 is true from 1.35 on. */
function cgroupRefusals(ctx: PlanContext, cluster: Cluster, version: string): string[] {
  if (minorOf(version) < 35 || cluster.spec.kubernetes.kubelet.extraConfig.failCgroupV1 === false) return [];
  const hosts = nodeHosts(ctx).filter((host) => ctx.facts.get(host)?.cgroup === 'v1');
  return hosts.length === 0
    ? []
    : [
        `${hosts.join(', ')}: cgroup v1, which kubelets refuse from 1.35 on; add to the config: spec.kubernetes.kubelet.extraConfig.failCgroupV1: false`,
      ];
}

/** The control planes and workers in their order, with what is done already. */
export interface UpgradeNodes {
  readonly controlPlanes: readonly HostName[];
  readonly workers: readonly HostName[];
  /** Whose static pods are of the version already. */
  readonly madeControlPlanes: ReadonlySet<HostName>;
  /** Whose kubelets are. */
  readonly madeKubelets: ReadonlySet<HostName>;
}

/** Who is still to be upgraded to this version. `assumeOld`: it is not the first of the path, so nobody is through. */
export function upgradeNodes(
  ctx: PlanContext,
  { hosts }: UpgradeObservation,
  { version, assumeOld }: { readonly version: string; readonly assumeOld: boolean },
): UpgradeNodes {
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const made = (is: (host: HostName) => boolean) => new Set(assumeOld ? [] : nodeHosts(ctx).filter(is));
  return {
    controlPlanes,
    workers: nodeHosts(ctx).filter((host) => !controlPlanes.includes(host)),
    madeControlPlanes: made((host) => controlPlaneIs(hosts.get(host), version)),
    madeKubelets: made((host) => kubeletIs(hosts.get(host), version)),
  };
}
