import {
  type EncryptionObservation,
  encryptionOf,
  rotationOfKey,
  settledKey,
  storedLines,
} from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation } from '../operation.js';

/** `kubexm secrets rotate-key` */
export async function run({ options, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const { exitCode } = await runOperation<EncryptionObservation>({
    cluster,
    options,
    io,
    name: 'secrets rotate-key',
    only: cluster.spec.roleGroups['control-plane'],
    read: (runtime) => readCluster(runtime, encryptionOf),
    plan: (ctx, observed) => rotationOfKey({ observed }).plan(ctx),
    summary: (_graph, observed) => summaryText(observed),
    next: () => 'Next: kubexm secrets status. Keep a backup of the work directory: snapshots of etcd need its keys',
  });
  return exitCode;
}

function summaryText(observed: EncryptionObservation): string {
  const key = settledKey(observed);
  return [
    key === undefined
      ? 'A change of keys was not seen through: it is now; no further key is made'
      : `${key} is replaced by a new key`,
    ...storedLines(observed).map((line) => `  ${line}`),
    'The apiservers load keys without a restart, within a minute for each of three passes.',
  ].join('\n');
}
