import { plural } from '../../logger/index.js';
import { type EtcdHealth, etcdHealthOf, renewEtcd } from '../../pipeline/index.js';
import { wholeDays } from '../certs/show.js';
import type { Invocation } from '../command-spec.js';
import { type OperationOptions, readCluster, runOperation } from '../operation.js';

import { loadManagedEtcd } from './verdict.js';

interface RenewOptions extends OperationOptions {
  readonly lessThan: string;
}

/** `kubexm etcd renew-certs` */
export async function run({ options, io }: Invocation<RenewOptions>): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  const days = wholeDays('--less-than', options.lessThan);
  const { exitCode } = await runOperation<EtcdHealth>({
    cluster,
    options,
    io,
    name: 'etcd renew-certs',
    read: (runtime) => readCluster(runtime, etcdHealthOf),
    plan: (ctx, observed) => renewEtcd({ renewBeforeDays: days, observed }).plan(ctx),
    summary: (_graph, observed) => summaryText(observed, days),
    next: () => 'Next: kubexm etcd certs',
  });
  return exitCode;
}

function summaryText({ certificates, quorum }: EtcdHealth, days: number): string {
  const leaves = certificates.filter(({ path }) => !path.endsWith('/ca.pem'));
  const due = leaves.filter(({ daysLeft, isOwn }) => daysLeft === undefined || daysLeft <= days || isOwn !== true);
  return [
    `etcd: ${quorum}`,
    `${due.length} of ${plural(leaves.length, 'certificate')} are due (no more than ${days} days left, or not those of the work directory)`,
    'One member after the other, then one control plane after the other; the CA stays, nothing is restarted.',
  ].join('\n');
}
