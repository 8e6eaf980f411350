import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { placeOf, readClusterFile } from '../../config/index.js';
import { KubexmError } from '../../errors/index.js';
import {
  type ClusterGraph,
  maxUnavailable,
  obstaclesOf,
  type PlanContext,
  requireWorker,
  runningVersions,
  type UpgradeObservation,
  type UpgradeStage,
  upgradeOfCluster,
  upgradePath,
  upgradeStages,
} from '../../pipeline/index.js';
import type { UpgradeChoice } from './upgrade-choice.js';

export interface PlannedUpgrade {
  readonly graph: ClusterGraph;
  readonly path: readonly string[];
  readonly stages: readonly UpgradeStage[];
  readonly atOnce: number;
  readonly warnings: readonly string[];
}

/** From what runs to what is wanted; `config`: its path. Throws GUARD_REFUSED with everything that stands in the way, all at once. */
export async function planUpgrade(
  ctx: PlanContext,
  observed: UpgradeObservation,
  choice: UpgradeChoice & { readonly config: string },
): Promise<PlannedUpgrade> {
  const { to, via, canary, pauseAfter, config } = choice;
  requireWorker(ctx, canary);
  const running = runningVersions(ctx, observed);
  const path = upgradePath({ running, to, via });
  const clusters = new Map<string, Cluster>();
  for (const version of path) clusters.set(version, await clusterAs(ctx.cluster, config, version));
  const from = await clusterAs(ctx.cluster, config, observed.objects.configVersion ?? running.controlPlanes[0] ?? to);
  const stages = upgradeStages(ctx, { observed, path, canary, pauseAfter });
  const atOnce = maxUnavailable(choice.maxUnavailable, workersOf(ctx.cluster).length);
  const isOpen = stages.some(({ done }) => !done);
  const { refusals, warnings } = isOpen
    ? obstaclesOf(ctx, { observed, clusters, atOnce, acceptRemovedApis: choice.acceptRemovedApis })
    : { refusals: [], warnings: [] };
  if (refusals.length > 0) {
    throw new KubexmError(
      'GUARD_REFUSED',
      `${reasons(refusals.length)} against an upgrade to ${to}: nothing is upgraded`,
      {
        details: refusals,
        hint: 'put them right, then run the same command again (APIs in use that go: --accept-removed-apis)',
        retryable: false,
      },
    );
  }
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

/** What of it is still to be done. */
export function openStages(planned: PlannedUpgrade | undefined): readonly UpgradeStage[] {
  return planned?.stages.filter(({ done }) => !done) ?? [];
}

/** The stage after which this run stops, before the upgrade is whole. */
export function pauseOf(planned: PlannedUpgrade | undefined, to: string): UpgradeStage | undefined {
  const last = planned?.stages.at(-1);
  return last === undefined || (last.name === 'end' && last.version === to) ? undefined : last;
}

/** What will happen, in words. `edits`: what is to be written into the config when all is through. */
export function upgradeLines(
  planned: PlannedUpgrade | undefined,
  { to, size, edits }: { readonly to: string; readonly size: string; readonly edits: readonly string[] },
): readonly string[] {
  const open = openStages(planned);
  if (planned === undefined || open.length === 0)
    return [`all nodes run ${to}; what hangs on it is looked after: ${size}`];
  const pause = pauseOf(planned, to);
  return [
    `Kubernetes to ${planned.path.join(', then ')}; ${size}`,
    ...open.map((stage) => stageText(stage, planned.atOnce)),
    ...(pause === undefined ? [] : [`  then it stops; the same command goes on from there`]),
    ...planned.warnings.map((warning) => `warning: ${warning}`),
    ...(pause === undefined ? edits : []),
  ];
}

function stageText({ version, name, hosts, made }: UpgradeStage, atOnce: number): string {
  const left = hosts.filter((host) => !made.includes(host)).join(', ');
  const how = name === 'workers' ? `workers, ${atOnce} at a time` : name === 'canary' ? 'canary' : 'control planes';
  return `  ${version} ${how}: ${left === '' ? hosts.join(', ') : left}`;
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
