import { type Cluster, minorOf } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import type { HostName } from '../../plan/index.js';
import { hostsWithRole, nodeHosts, type PlanContext } from '../context.js';
import { customWarnings, oldWriters, removedInUse, uncountedApis, unreadable } from './api-obstacles.js';
import { componentRefusals, componentWarnings, etcdUnsound } from './component-obstacles.js';
import { drained, drainRefusals, nowhereToGo } from './drain-obstacles.js';
import { controlPlaneIs, kubeletIs, type UpgradeObservation } from './observation.js';
import { kubeletLag } from './version-path.js';

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
 * each of them; `atOnce`: so many workers are away at a time.
 */
export function obstaclesOf(
  ctx: PlanContext,
  {
    observed,
    clusters,
    atOnce,
    acceptRemovedApis,
  }: {
    readonly observed: UpgradeObservation;
    readonly clusters: ReadonlyMap<string, Cluster>;
    readonly atOnce: number;
    readonly acceptRemovedApis: boolean;
  },
): Obstacles {
  const path = [...clusters.keys()];
  const to = path.at(-1) ?? '';
  const nodes = drained(ctx, observed, path);
  const removed = removedInUse(observed, to);
  const silent = uncountedApis(observed);
  const strays = strayKubelets(ctx, observed, to);
  return {
    refusals: [
      ...notReady(ctx, observed),
      ...strays.tooOld,
      ...(acceptRemovedApis ? [] : [...silent.refusals, ...removed]),
      ...unreadable(observed),
      ...drainRefusals(observed, nodes),
      ...roomMissing(ctx, observed, path),
      ...etcdUnsound(ctx, observed),
      // Each of them once, however many versions it stands against.
      ...new Set(
        [...clusters].flatMap(([version, cluster]) =>
          componentRefusals(ctx, observed, { version, cluster, last: version === to }),
        ),
      ),
    ],
    warnings: [
      ...silent.warnings,
      ...(acceptRemovedApis ? [...silent.refusals, ...removed] : []),
      ...oldWriters(observed, to),
      ...strays.left,
      ...customWarnings(observed),
      ...nowhereToGo(observed, nodes, atOnce),
      ...componentWarnings(ctx, to),
    ],
  };
}

/** Nodes that the config does not have are not upgraded: their kubelets must still go with the new apiservers. */
function strayKubelets(
  ctx: PlanContext,
  { objects }: UpgradeObservation,
  to: string,
): { readonly tooOld: readonly string[]; readonly left: readonly string[] } {
  const strays = objects.nodes.filter(({ name, kubelet }) => !nodeHosts(ctx).includes(name) && kubelet !== '');
  const isTooOld = ({ kubelet }: { readonly kubelet: string }) => minorOf(to) - minorOf(kubelet) > kubeletLag;
  const what = ({ name, kubelet }: { readonly name: string; readonly kubelet: string }) =>
    `${name} is a node and not in the config: its kubelet stays at ${kubelet}`;
  return {
    tooOld: strays
      .filter(isTooOld)
      .map((node) => `${what(node)}, which ${to} does not take (write it into the config, or remove the node)`),
    left: strays.filter((node) => !isTooOld(node)).map(what),
  };
}

/** A node that this upgrade has under way may be down: it is finished first. */
function notReady(ctx: PlanContext, { hosts, objects }: UpgradeObservation): string[] {
  return nodeHosts(ctx).flatMap((host) => {
    const node = objects.nodes.find(({ name }) => name === host);
    if (node === undefined) return [`${host} is in the config and no node of the cluster`];
    return node.ready || hosts.get(host)?.begun === true ? [] : [`${host} is not Ready: ${node.because}`];
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
    const { fileSystems } = facts;
    // Where both lie on one file system, programs are put in place by hard links.
    const linked = fileSystems[hostPaths.bin] === fileSystems['/var/lib/kubexm'];
    const needs: readonly (readonly [string, number])[] = [
      ['/var/lib/kubexm', open * programsPerVersion],
      ...(linked ? [] : [[hostPaths.bin, programsPerVersion] as const]),
      [runtime, open * imagesPerVersion],
    ];
    const bySystem = new Map<string, { free: number; bytes: number; readonly paths: string[] }>();
    for (const [directory, bytes] of needs) {
      const free = facts.freeBytes[directory];
      if (free === undefined) continue;
      const key = fileSystems[directory] ?? directory;
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
