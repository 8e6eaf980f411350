import { KubexmError } from '../../errors/index.js';
import { type PausePoint, type UpgradeObservation, type UpgradeStage, upgradeStateOf } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation, sizeOf } from '../operation.js';
import { configEdits, type PlannedUpgrade, planUpgrade } from './upgrade-plan.js';

interface UpgradeOptions extends OperationOptions {
  readonly to?: string;
  /** `v1.34.4,v1.35.2` */
  readonly via?: string;
  readonly maxUnavailable: string;
  readonly canary?: string;
  readonly pauseAfter?: PausePoint;
  readonly certificateRenewal: 'true' | 'false';
  /** Seconds. */
  readonly drainTimeout: string;
  readonly acceptRemovedApis?: boolean;
}

/** `kubexm cluster upgrade --to VERSION` */
export async function run({ options, io }: Invocation<UpgradeOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const to = options.to === undefined ? cluster.spec.kubernetes.version : kubernetesVersion('--to', options.to);
  const drainSeconds = Number(options.drainTimeout);
  if (!Number.isInteger(drainSeconds) || drainSeconds < 1) {
    throw new KubexmError('USAGE', `--drain-timeout ${options.drainTimeout} is no number of seconds`, {
      hint: '--drain-timeout 600',
    });
  }
  if (options.pauseAfter === 'canary' && options.canary === undefined) {
    throw new KubexmError('USAGE', '--pause-after canary needs a worker that goes first', { hint: '--canary NODE' });
  }
  const edits = await configEdits(cluster, options.config, to);
  let planned: PlannedUpgrade | undefined;
  const open = () => planned?.stages.filter(({ done }) => !done) ?? [];
  const { exitCode } = await runOperation<UpgradeObservation>({
    cluster,
    options,
    io,
    name: commandLine(options, to),
    read: (runtime) => readCluster(runtime, upgradeStateOf),
    async plan(ctx, observed) {
      planned = await planUpgrade(ctx, observed, {
        config: options.config,
        to,
        via: viaOf(options.via),
        canary: options.canary,
        pauseAfter: options.pauseAfter,
        maxUnavailable: options.maxUnavailable,
        certificateRenewal: options.certificateRenewal === 'true',
        drainSeconds,
        acceptRemovedApis: options.acceptRemovedApis === true,
      });
      return planned.graph;
    },
    summary: (graph) =>
      open().length === 0
        ? `all nodes run ${to}; what hangs on it is looked after: ${sizeOf(graph)}`
        : [
            `Kubernetes to ${planned?.path.join(', then ') ?? to}; ${sizeOf(graph)}`,
            ...open().map((stage) => stageText(stage, planned?.atOnce ?? 1)),
            ...(planned?.warnings.map((warning) => `warning: ${warning}`) ?? []),
            ...(pausesAt(planned, to) === undefined ? edits : []),
          ].join('\n'),
    question: () =>
      open().length === 0
        ? undefined
        : {
            lines: [
              'There is no way back from an upgrade but the snapshot of etcd, which is taken first.',
              'Pods of nodes that are drained are ended there and made anew elsewhere.',
            ],
            question: 'Go on?',
          },
    next: () => {
      const paused = pausesAt(planned, to);
      return paused === undefined
        ? [...edits, 'Next: kubexm cluster status'].join('\n')
        : `Paused after the ${paused.name} of ${paused.version}. Next: the same command again, which goes on from here`;
    },
  });
  return exitCode;
}

/** As it is typed: others read it when they find the cluster locked. */
function commandLine({ via, canary, pauseAfter }: UpgradeOptions, to: string): string {
  return [
    `cluster upgrade --to ${to}`,
    ...(via === undefined ? [] : [`--via ${via}`]),
    ...(canary === undefined ? [] : [`--canary ${canary}`]),
    ...(pauseAfter === undefined ? [] : [`--pause-after ${pauseAfter}`]),
  ].join(' ');
}

/** The stage after which this run stops, before the upgrade is whole. */
function pausesAt(planned: PlannedUpgrade | undefined, to: string): UpgradeStage | undefined {
  const last = planned?.stages.at(-1);
  return last === undefined || (last.name === 'end' && last.version === to) ? undefined : last;
}

function stageText({ version, name, hosts, made }: UpgradeStage, atOnce: number): string {
  const left = hosts.filter((host) => !made.includes(host)).join(', ');
  const how = name === 'workers' ? `workers, ${atOnce} at a time` : name === 'canary' ? 'canary' : 'control planes';
  return `  ${version} ${how}: ${left === '' ? hosts.join(', ') : left}`;
}

/** `v1.34.4` of `1.34.4`. Throws USAGE. */
export function kubernetesVersion(option: string, text: string): string {
  const [, numbers] = /^v?(1\.\d+\.\d+)$/.exec(text.trim()) ?? [];
  if (numbers !== undefined) return `v${numbers}`;
  throw new KubexmError('USAGE', `${option} ${text} is no version of Kubernetes`, {
    hint: 'kubexm cluster upgrade --to v1.35.4',
  });
}

export function viaOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(',').map((version) => kubernetesVersion('--via', version));
}
