import { placeOf } from '../../config/index.js';
import { KubexmError } from '../../errors/index.js';
import {
  type EtcdVersions,
  etcdVersionsOf,
  type UpgradeTurn,
  upgradeEtcd,
  upgradeTurns,
} from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { type OperationOptions, readCluster, runOperation, sizeOf } from '../operation.js';
import { loadManagedEtcd } from './verdict.js';

interface UpgradeOptions extends OperationOptions {
  readonly to?: string;
}

/** `kubexm etcd upgrade [--to VERSION]` */
export async function run({ options, io }: Invocation<UpgradeOptions>): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  const { etcd } = cluster.spec;
  const wanted = etcd.type === 'kubexm' ? etcd.version : '';
  const to = options.to === undefined ? wanted : versionOf(options.to);
  // `cluster create` afterwards must want the same.
  const place = to === wanted ? undefined : await placeOf(options.config, ['spec', 'etcd', 'version']);
  const edit = place === undefined ? '' : `Write it into the config (${place}): spec.etcd.version: ${to}`;
  let turns: readonly UpgradeTurn[] = [];
  const etcdHosts = new Set(cluster.spec.roleGroups.etcd);
  const { exitCode } = await runOperation<EtcdVersions>({
    cluster,
    options,
    io,
    name: options.to === undefined ? 'etcd upgrade' : `etcd upgrade --to ${to}`,
    mayBeDown: (host) => !etcdHosts.has(host),
    read: (runtime) => readCluster(runtime, etcdVersionsOf),
    plan(ctx, observed) {
      turns = upgradeTurns(ctx, { observed, to });
      return upgradeEtcd({ observed, to }).plan(ctx);
    },
    summary: (graph) =>
      [`etcd to ${to}, one member at a time; ${sizeOf(graph)}`, ...turns.map(turnText), ...remarks(turns), edit]
        .filter((line) => line !== '')
        .join('\n'),
    question: () =>
      turns.every(({ state }) => state === 'done')
        ? undefined
        : { lines: ['Once all members run a new minor, there is no way back but the snapshot.'], question: 'Go on?' },
    next: () => [edit, 'Next: kubexm etcd health'].filter((line) => line !== '').join('\n'),
  });
  return exitCode;
}

function turnText({ host, from, state, isLeader }: UpgradeTurn): string {
  const role = isLeader ? ', leader' : '';
  switch (state) {
    case 'done':
      return `  ${host}: ${from}${role}, done`;
    case 'interrupted':
      return `  ${host}: ${from}${role}, its upgrade was interrupted and goes on`;
    case 'to-do':
      return `  ${host}: ${from}${role}`;
  }
}

function remarks(turns: readonly UpgradeTurn[]): string[] {
  return turns.length === 1 && turns[0]?.state !== 'done'
    ? ['  there is one member: the API pauses for some seconds while it restarts']
    : [];
}

function versionOf(text: string): string {
  const [, numbers] = /^v?(\d+\.\d+\.\d+)$/.exec(text) ?? [];
  if (numbers !== undefined) return `v${numbers}`;
  throw new KubexmError('USAGE', `--to ${text} is no version of etcd`, { hint: 'kubexm etcd upgrade --to v3.6.14' });
}
