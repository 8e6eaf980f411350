import { type EtcdObservation, etcdStateOf, outOfSpace, recoverSpaceOfEtcd } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { type OperationOptions, readCluster, runOperation, sizeOf } from '../operation.js';
import { defragResult } from './defrag.js';
import { spaceTable } from './space-table.js';
import { loadManagedEtcd } from './verdict.js';

/** `kubexm etcd recover-space` */
export async function run({ options, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  const etcdHosts = new Set(cluster.spec.roleGroups.etcd);
  const { exitCode } = await runOperation<EtcdObservation>({
    cluster,
    options,
    io,
    name: 'etcd recover-space',
    mayBeDown: (host) => !etcdHosts.has(host),
    read: (runtime) => readCluster(runtime, etcdStateOf),
    plan: (ctx, observed) => recoverSpaceOfEtcd({ observed }).plan(ctx),
    summary: (graph, observed) => `${what(observed)}; ${sizeOf(graph)}\n${spaceTable(observed)}`,
    question: (observed) =>
      outOfSpace(observed).length === 0
        ? undefined
        : {
            lines: [
              'The history of all keys goes (their values stay); every member pauses once while it is rewritten.',
            ],
            question: 'Go on?',
          },
    result: defragResult,
    next: () => 'Next: kubexm etcd health',
  });
  return exitCode;
}

function what(observed: EtcdObservation): string {
  const full = outOfSpace(observed);
  return full.length === 0
    ? 'No member has the alarm NOSPACE: there is nothing to recover'
    : `NOSPACE on ${full.join(', ')}: compact, defragment every member, disarm, prove that writes work`;
}
