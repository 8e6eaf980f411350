import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { placeOf, readClusterFile } from '../../config/index.js';
import { KubexmError } from '../../errors/index.js';
import {
  type ClusterGraph,
  maxUnavailable,
  obstaclesOf,
  type PausePoint,
  type PlanContext,
  requireWorker,
  runningVersions,
  type UpgradeObservation,
  type UpgradeStage,
  upgradeOfCluster,
  upgradePath,
  upgradeStages,
} from '../../pipeline/index.js';

/** What a user chooses of an upgrade. */
export interface UpgradeChoice {
  /** The config's path. */
  readonly config: string;
  /** With v. */
  readonly to: string;
  readonly via: readonly string[];
  readonly canary?: string | undefined;
  readonly pauseAfter?: PausePoint | undefined;
  /** `2` or `20%`. */
  readonly maxUnavailable: string;
  readonly certificateRenewal: boolean;
  readonly drainSeconds: number;
  readonly acceptRemovedApis: boolean;
}

export interface PlannedUpgrade {
  readonly graph: ClusterGraph;
  readonly path: readonly string[];
  readonly stages: readonly UpgradeStage[];
  readonly atOnce: number;
  readonly warnings: readonly string[];
}

/** From what runs to what is wanted. Throws GUARD_REFUSED with everything that stands in the way, all at once. */
export async function planUpgrade(
  ctx: PlanContext,
  observed: UpgradeObservation,
  choice: UpgradeChoice,
): Promise<PlannedUpgrade> {
  const { to, via, canary, pauseAfter, config } = choice;
  requireWorker(ctx, canary);
  const running = runningVersions(ctx, observed);
  const path = upgradePath({ running, to, via });
  const clusters = new Map<string, Cluster>();
  for (const version of path) clusters.set(version, await clusterAs(ctx.cluster, config, version));
  const from = await clusterAs(ctx.cluster, config, observed.objects.configVersion ?? running.controlPlanes[0] ?? to);
  const stages = upgradeStages(ctx, { observed, path, canary, pauseAfter });
  const isOpen = stages.some(({ done }) => !done);
  const { refusals, warnings } = isOpen
    ? obstaclesOf(ctx, { observed, clusters, acceptRemovedApis: choice.acceptRemovedApis })
    : { refusals: [], warnings: [] };
  if (refusals.length > 0) {
    throw new KubexmError(
      'GUARD_REFUSED',
      `${reasons(refusals.length)} against an upgrade to ${to}: nothing is upgraded`,
      {
        details: refusals,
        hint: 'put them right, then run the same command again (clients that ask for removed APIs: --accept-removed-apis)',
        retryable: false,
      },
    );
  }
  const atOnce = maxUnavailable(choice.maxUnavailable, workersOf(ctx.cluster).length);
  const { certificateRenewal, drainSeconds } = choice;
  const graph = upgradeOfCluster({
    observed,
    clusters,
    from,
    stages,
    atOnce,
    ...(canary === undefined ? {} : { canary }),
    certificateRenewal,
    drainSeconds,
  }).plan(ctx);
  return { graph, path, stages, atOnce, warnings };
}

/** What must be written into the config afterwards, so that `cluster create` wants the same; empty where nothing must. */
export async function configEdits(cluster: Cluster, config: string, to: string): Promise<readonly string[]> {
  const { cluster: as } = await readClusterFile(config, { kubernetesVersion: to });
  const lines: string[] = [];
  if (cluster.spec.kubernetes.version !== to) {
    const place = await placeOf(config, ['spec', 'kubernetes', 'version']);
    lines.push(`Write it into the config (${place}): spec.kubernetes.version: ${to}`);
  }
  const [now, then] = [cluster.spec.etcd, as.spec.etcd];
  if (now.type === 'kubexm' && then.type === 'kubexm' && now.version !== then.version) {
    lines.push(
      `Kubernetes ${to} brings etcd ${then.version} where the config names none: write spec.etcd.version: ${now.version}, or follow with kubexm etcd upgrade --to ${then.version}`,
    );
  }
  return lines;
}

/** The config as it would be with this version; etcd, which no upgrade of Kubernetes touches, stays as it is. */
async function clusterAs(cluster: Cluster, config: string, version: string): Promise<Cluster> {
  if (cluster.spec.kubernetes.version === version) return cluster;
  const { cluster: as } = await readClusterFile(config, { kubernetesVersion: version });
  return { ...as, spec: { ...as.spec, etcd: cluster.spec.etcd } };
}

export function workersOf({ spec }: Cluster): readonly string[] {
  return spec.roleGroups.worker.filter((host) => !spec.roleGroups['control-plane'].includes(host));
}

function reasons(count: number): string {
  return count === 1 ? 'there is a reason' : `there are ${count} reasons`;
}
