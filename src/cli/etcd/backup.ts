import { relative, resolve } from 'node:path';
import { formatBytes } from '../../logger/index.js';
import type { Findings, SavedEtcdSnapshot } from '../../pipeline/index.js';
import { backupOfEtcd, etcdSnapshotReport, etcdStateOf } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import type { Io } from '../io.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, type OperationResult, readCluster, runOperation, sizeOf } from '../operation.js';
import { refuseExternalEtcd } from './external.js';

interface BackupOptions extends OperationOptions {
  readonly to?: string;
}

/** `kubexm etcd backup`. Hosts may be down as long as there is a quorum. */
export async function run({ options, io }: Invocation<BackupOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  refuseExternalEtcd(cluster, 'etcdctl snapshot save, with the client files of its administrators');
  const copyTo = options.to === undefined ? undefined : resolve(io.cwd, options.to);
  const { exitCode } = await runOperation({
    cluster,
    options,
    io,
    name: 'etcd backup',
    mayBeDown: () => true,
    read: (runtime) => readCluster(runtime, etcdStateOf),
    plan: (ctx, observed) => backupOfEtcd(observed, copyTo === undefined ? {} : { copyTo }).plan(ctx),
    summary: (graph) => `A snapshot of etcd of ${cluster.metadata.name}: ${sizeOf(graph)}`,
    result: (findings) => backupResult(findings, io),
  });
  return exitCode;
}

function backupResult({ reports }: Findings, io: Io): OperationResult {
  const snapshot = reports.find(({ report }) => report === etcdSnapshotReport)?.data as unknown as SavedEtcdSnapshot;
  const { revision, size, keys, hash, host, path, localPath, copy } = snapshot;
  const lines = [
    `revision  ${revision}`,
    `size      ${formatBytes(size)}`,
    `keys      ${keys}`,
    `hash      ${hash.toString(16)}`,
    `on ${host}  ${path}`,
    `here      ${relative(io.cwd, localPath)}`,
    ...(copy === undefined ? [] : [`copy      ${relative(io.cwd, copy)}`]),
  ];
  return { text: lines.join('\n'), json: { snapshot } };
}
