import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { decryption, type EncryptionObservation, encryptionOf, storedLines } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation } from '../operation.js';

/** `kubexm secrets decrypt` */
export async function run({ options, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const { exitCode } = await runOperation<EncryptionObservation>({
    cluster,
    options,
    io,
    name: 'secrets decrypt',
    only: cluster.spec.roleGroups['control-plane'],
    read: (runtime) => readCluster(runtime, encryptionOf),
    plan: (ctx, observed) => decryption({ observed }).plan(ctx),
    summary: (_graph, observed) => summaryText(cluster, observed),
    question: (observed) => ({
      lines: [...storedLines(observed), 'Snapshots of etcd from now on hold in clear what is decrypted.'],
      question: `Write ${leaving(cluster, observed).join(', ') || 'nothing'} in clear?`,
    }),
    next: () => 'Next: kubexm secrets status',
  });
  return exitCode;
}

function summaryText(cluster: Cluster, observed: EncryptionObservation): string {
  const left = cluster.spec.kubernetes.encryptionAtRest?.resources ?? [];
  return [
    `In clear: ${leaving(cluster, observed).join(', ') || 'nothing more'}; encrypted: ${left.join(', ') || 'nothing'}`,
    ...(left.length === 0
      ? ['Then the apiservers are restarted without keys, one control plane after the other.']
      : []),
  ].join('\n');
}

/** What a control plane knows as encrypted, and the config does not name. */
function leaving({ spec }: Cluster, { hosts }: EncryptionObservation): readonly string[] {
  const known = [...hosts.values()].flatMap((providers) => Object.keys(providers));
  const wanted = spec.kubernetes.encryptionAtRest?.resources ?? [];
  return [...new Set(known)].filter((resource) => !wanted.includes(resource));
}
