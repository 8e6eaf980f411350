import type { HostName } from '../../plan/index.js';
import type { PlanContext } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import type { UpgradeObservation } from './observation.js';
import { upgradeNodes } from './obstacles.js';

/** Where an upgrade may stop until it is run again. */
export type PausePoint = 'control-plane' | 'canary';

/** A part of one version's upgrade. */
export interface UpgradeStage {
  readonly version: string;
  /** `end`: the proof that all is well. */
  readonly name: 'control-plane' | 'canary' | 'workers' | 'end';
  readonly hosts: readonly HostName[];
  /** Of these hosts, those whose kubelets are through. */
  readonly made: readonly HostName[];
  /** The first control plane is through: the cluster's own configuration is of this version. */
  readonly started: boolean;
  readonly done: boolean;
}

/**
 * What is done, in order, until the next pause point that is not passed yet; without `pauseAfter` until the end. A stage counts as
 * done when all its hosts are through; what an interrupted run left in it is looked after all the same.
 */
export function upgradeStages(
  ctx: PlanContext,
  {
    observed,
    path,
    canary,
    pauseAfter,
  }: {
    readonly observed: UpgradeObservation;
    readonly path: readonly string[];
    readonly canary?: HostName | undefined;
    readonly pauseAfter?: PausePoint | undefined;
  },
): readonly UpgradeStage[] {
  const stages: UpgradeStage[] = [];
  for (const [index, version] of path.entries()) {
    const nodes = upgradeNodes(ctx, observed, { version, assumeOld: index > 0 });
    const { controlPlanes, workers, madeControlPlanes, madeKubelets } = nodes;
    const started = madeControlPlanes.has(initHost(ctx));
    const stage = (name: UpgradeStage['name'], hosts: readonly HostName[], isDone: (host: HostName) => boolean) => {
      const made = hosts.filter((host) => madeKubelets.has(host));
      stages.push({ version, name, hosts, made, started, done: hosts.every(isDone) });
      return pauseAfter === name && !hosts.every(isDone);
    };
    const kubelet = (host: HostName) => madeKubelets.has(host);
    if (stage('control-plane', controlPlanes, (host) => madeControlPlanes.has(host) && kubelet(host))) return stages;
    if (canary !== undefined && stage('canary', [canary], kubelet)) return stages;
    stage(
      'workers',
      workers.filter((host) => host !== canary),
      kubelet,
    );
    stage('end', [], () => true);
  }
  return stages;
}
