import { formatBytes, plural } from '../../logger/index.js';
import { pruneNodeImages, type UnusedImages, unusedImagesOf } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation } from '../operation.js';
import { table } from '../table.js';
import { nodesNamed } from './nodes.js';

/** `kubexm node prune-images [NODE...]` */
export async function run({ options, args, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const nodes = nodesNamed(cluster, args);
  const { exitCode } = await runOperation<UnusedImages>({
    cluster,
    options,
    io,
    name: ['node prune-images', ...nodes].join(' '),
    // Those that were named must answer; of all nodes, the others are pruned.
    mayBeDown: (host) => !nodes.includes(host),
    read: (runtime) => readCluster(runtime, unusedImagesOf(nodes)),
    plan: (ctx, seen) => pruneNodeImages(seen).plan(ctx),
    summary: (_graph, seen) => summaryOf(seen),
    question: (seen) =>
      imagesIn(seen) === 0
        ? undefined
        : { lines: [], question: `Remove ${plural(imagesIn(seen), 'image')} (${formatBytes(bytesIn(seen))})?` },
  });
  return exitCode;
}

function summaryOf(seen: UnusedImages): string {
  const rows = seen.hosts.flatMap(({ host, images }) =>
    images.toSorted((a, b) => b.size - a.size).map(({ names, id, size }) => [host, names[0] ?? id, formatBytes(size)]),
  );
  const failed = seen.failures.map(({ host, message }) => `${host} could not be asked: ${message}`);
  const head =
    rows.length === 0
      ? ['Every image is in use, or one that the cluster needs']
      : [table([['NODE', 'IMAGE', 'SIZE'], ...rows])];
  return [...head, ...failed].join('\n');
}

function imagesIn({ hosts }: UnusedImages): number {
  return hosts.reduce((sum, { images }) => sum + images.length, 0);
}

function bytesIn({ hosts }: UnusedImages): number {
  return hosts.flatMap(({ images }) => images).reduce((sum, { size }) => sum + size, 0);
}
