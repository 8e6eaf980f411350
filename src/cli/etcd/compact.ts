import { KubexmError } from '../../errors/index.js';
import { compactEtcdTo, type EtcdObservation, etcdStateOf } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { type OperationOptions, readCluster, runOperation, sizeOf } from '../operation.js';
import { loadManagedEtcd } from './verdict.js';

interface CompactOptions extends OperationOptions {
  readonly keep: string;
}

/** `kubexm etcd compact [--keep REVISIONS]` */
export async function run({ options, io }: Invocation<CompactOptions>): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  if (!/^\d{1,12}$/.test(options.keep)) {
    throw new KubexmError('USAGE', `--keep ${options.keep} is no number of revisions`, {
      hint: 'kubexm etcd compact --keep 1000',
    });
  }
  const keep = Number(options.keep);
  const { exitCode } = await runOperation<EtcdObservation>({
    cluster,
    options,
    io,
    name: `etcd compact --keep ${keep}`,
    mayBeDown: () => true,
    read: (runtime) => readCluster(runtime, etcdStateOf),
    plan: (ctx, observed) => compactEtcdTo({ observed, keep }).plan(ctx),
    summary: (graph) => `History of etcd goes but for ${keep} revisions; ${sizeOf(graph)}`,
    next: () => 'Next: kubexm etcd defrag, where the files are to shrink too',
  });
  return exitCode;
}
