import { type UpgradeObservation, upgradeStateOf } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation, sizeOf } from '../operation.js';
import { commandLine, upgradeChoice } from './upgrade-choice.js';
import type { UpgradeOptions } from './upgrade-options.js';
import { configEdits, openStages, type PlannedUpgrade, pauseOf, planUpgrade, upgradeLines } from './upgrade-plan.js';

/** `kubexm cluster upgrade --to VERSION` */
export async function run({ options, io }: Invocation<OperationOptions & UpgradeOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const choice = upgradeChoice(options, cluster.spec.kubernetes.version);
  const { to } = choice;
  const edits = await configEdits(cluster, options.config, to);
  let planned: PlannedUpgrade | undefined;
  const { exitCode } = await runOperation<UpgradeObservation>({
    cluster,
    options,
    io,
    name: commandLine(choice),
    read: (runtime) => readCluster(runtime, upgradeStateOf),
    async plan(ctx, observed) {
      planned = await planUpgrade(ctx, observed, { ...choice, config: options.config });
      return planned.graph;
    },
    summary: (graph) => upgradeLines(planned, { to, size: sizeOf(graph), edits }).join('\n'),
    question: () =>
      openStages(planned).length === 0
        ? undefined
        : {
            lines: [
              cluster.spec.etcd.type === 'external'
                ? 'There is no way back from an upgrade but a snapshot of etcd, which is not managed here: take one first.'
                : 'There is no way back from an upgrade but the snapshot of etcd, which is taken first.',
              'Pods of nodes that are drained are ended there and made anew elsewhere.',
            ],
            question: 'Go on?',
          },
    next: () => {
      const paused = pauseOf(planned, to);
      return paused === undefined
        ? [...edits, 'Next: kubexm cluster status'].join('\n')
        : `Paused after the ${paused.name} of ${paused.version}. Next: the same command again, which goes on from here`;
    },
  });
  return exitCode;
}
