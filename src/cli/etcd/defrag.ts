import { formatBytes } from '../../logger/index.js';
import {
  defragmentEtcd,
  type EtcdDefragResult,
  type EtcdObservation,
  etcdDefragReport,
  etcdStateOf,
  type Findings,
} from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { type OperationOptions, type OperationResult, readCluster, runOperation, sizeOf } from '../operation.js';
import { table } from '../table.js';
import { spaceTable } from './space-table.js';
import { loadManagedEtcd } from './verdict.js';

interface DefragOptions extends OperationOptions {
  readonly member?: string;
  readonly all?: boolean;
}

/** `kubexm etcd defrag [--member HOST] [--all]` */
export async function run({ options, io }: Invocation<DefragOptions>): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  const { member, all = false } = options;
  const etcdHosts = new Set(cluster.spec.roleGroups.etcd);
  const { exitCode } = await runOperation<EtcdObservation>({
    cluster,
    options,
    io,
    name: ['etcd defrag', ...(member === undefined ? [] : [`--member ${member}`]), ...(all ? ['--all'] : [])].join(' '),
    mayBeDown: (host) => !etcdHosts.has(host),
    read: (runtime) => readCluster(runtime, etcdStateOf),
    plan: (ctx, observed) =>
      defragmentEtcd({ observed, all, ...(member === undefined ? {} : { only: member }) }).plan(ctx),
    summary: (graph, observed) => `Defragmentation, one member at a time; ${sizeOf(graph)}\n${spaceTable(observed)}`,
    result: defragResult,
    next: ({ findings }) =>
      defragmented(findings).length === 0 && !all
        ? 'No file would shrink by much; --all defragments them all the same'
        : '',
  });
  return exitCode;
}

/** What each member came to. */
export function defragResult(findings: Findings): OperationResult {
  const members = defragmented(findings);
  const rows = members.map(({ member, before, after, inUse, ms }) => [
    member,
    formatBytes(before),
    formatBytes(after),
    formatBytes(inUse),
    `${(ms / 1000).toFixed(1)} s`,
  ]);
  return {
    text: rows.length === 0 ? '' : table([['MEMBER', 'BEFORE', 'AFTER', 'IN USE', 'TIME'], ...rows]),
    json: { defragmented: members },
  };
}

function defragmented({ reports }: Findings): EtcdDefragResult[] {
  return reports.flatMap(({ report, data }) =>
    report === etcdDefragReport ? [data as unknown as EtcdDefragResult] : [],
  );
}
