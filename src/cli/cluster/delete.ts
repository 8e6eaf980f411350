import { relative } from 'node:path';
import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { type DeletionForecast, deletionOfCluster, forecastDeletion } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { note } from '../io.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, runOperation, sizeOf } from '../operation.js';

interface DeleteOptions extends OperationOptions {
  readonly wipeData?: boolean;
  readonly purgePackages?: boolean;
  readonly skipUnreachable?: boolean;
}

/** `kubexm cluster delete` */
export async function run({ options, io }: Invocation<DeleteOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const { name } = cluster.metadata;
  const wipeData = options.wipeData === true;
  const skipUnreachable = options.skipUnreachable === true;
  let forecast: DeletionForecast = { reset: [], clean: [], unreachable: [] };
  const { exitCode, runDir } = await runOperation({
    cluster,
    options,
    io,
    name: 'cluster delete',
    mayBeDown: () => skipUnreachable,
    plan(ctx) {
      forecast = forecastDeletion(ctx);
      return deletionOfCluster({ wipeData, purgePackages: options.purgePackages === true }).plan(ctx);
    },
    summary: (graph) => `Cluster ${name} is deleted; ${sizeOf(graph)}\n${forecastText(forecast)}`,
    question: () =>
      forecast.reset.length === 0
        ? undefined
        : {
            lines: [
              'All pods end, and Kubernetes with all that is in it is gone from these hosts.',
              dataText(cluster, wipeData),
            ],
            question: `Delete the cluster ${name}?`,
            word: name,
          },
    next: () =>
      forecast.unreachable.length > 0
        ? ''
        : `Certificates and kubeconfig of the deleted cluster: ${relative(io.cwd, `${io.cwd}/.kubexm/${name}/deleted`)}`,
  });
  if (exitCode !== 0 || forecast.unreachable.length === 0) return exitCode;
  note(
    io,
    `Not deleted from ${forecast.unreachable.join(', ')}, which did not answer; the cluster's certificates stay for them. Log: ${relative(io.cwd, runDir)}\nNext: when they are back, the same command again`,
  );
  return 3;
}

function dataText({ spec }: Cluster, wipeData: boolean): string {
  if (spec.etcd.type === 'external') {
    const others = wipeData ? 'Images and logs are deleted.' : "Images and logs stay on the hosts' disks.";
    return `${others} The external etcd keeps what is in it: remove /registry there before the next create.`;
  }
  return wipeData
    ? 'The data of etcd, images and logs are deleted: only a snapshot of etcd brings the cluster back.'
    : "The data of etcd are renamed, images and logs stay on the hosts' disks (--wipe-data deletes them).";
}

function forecastText({ reset, clean, unreachable }: DeletionForecast): string {
  const lines: readonly (readonly [readonly string[], string])[] = [
    [reset, 'as it was before kubexm came'],
    [clean, 'nothing of kubexm is there'],
    [unreachable, 'does not answer, and stays as it is'],
  ];
  return lines.flatMap(([hosts, what]) => (hosts.length === 0 ? [] : [`  ${hosts.join(', ')}: ${what}`])).join('\n');
}
