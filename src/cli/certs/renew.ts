import { KubexmError } from '../../errors/index.js';
import { plural } from '../../logger/index.js';
import {
  certificateKinds,
  certificatesOf,
  dueLeaves,
  dueOfEtcd,
  type EtcdHealth,
  etcdHealthOf,
  type ObservedCertificate,
  renewCertificates,
} from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation } from '../operation.js';
import { wholeDays } from './show.js';

interface RenewOptions extends OperationOptions {
  readonly all?: boolean;
  readonly only?: string;
  readonly withinDays: string;
}

interface Observed {
  readonly certificates: readonly ObservedCertificate[];
  readonly etcd?: EtcdHealth;
}

/** With --all: everything but what was made in the last days, so that a run that was interrupted can be gone on with. */
const allDays = 360;

/** `kubexm certs renew` */
export async function run({ options, io }: Invocation<RenewOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const withinDays = options.all === true ? allDays : daysOf(options.withinDays);
  const only = options.only?.split(',').map((kind) => kind.trim());
  const controlPlanes = new Set([...cluster.spec.roleGroups['control-plane'], ...cluster.spec.roleGroups.etcd]);
  let lines: readonly string[] = [];
  const { exitCode } = await runOperation<Observed>({
    cluster,
    options,
    io,
    name: 'certs renew',
    mayBeDown: (host) => !controlPlanes.has(host),
    async read(runtime) {
      if (only !== undefined) requireKinds(only, certificateKinds(runtime.planContext()));
      const certificates = await readCluster(runtime, certificatesOf);
      if (cluster.spec.etcd.type !== 'kubexm') return { certificates };
      return { certificates, etcd: await readCluster(runtime, etcdHealthOf) };
    },
    plan(ctx, observed) {
      const params = { ...observed, withinDays, ...(only === undefined ? {} : { only }) };
      lines = [
        ...dueLeaves(ctx, params).map(({ host, path }) => `${path} on ${host}`),
        ...(observed.etcd === undefined ? [] : dueOfEtcd(params).map(({ host, path }) => `${path} on ${host}`)),
      ];
      return renewCertificates(params).plan(ctx);
    },
    summary: (_graph, { certificates }) =>
      [
        `${lines.length} of ${plural(certificates.length, 'certificate')} are due (no more than ${withinDays} days left, or not as they should be)`,
        ...lines.map((line) => `  ${line}`),
        'One host after the other; the CAs stay. Controller manager and scheduler are restarted where their kubeconfig is new.',
      ].join('\n'),
    next: () => 'Next: kubexm certs list',
  });
  return exitCode;
}

/** One that has just been made has 364 whole days left: it must not be due again. */
function daysOf(text: string): number {
  const days = wholeDays('--within-days', text);
  if (days <= allDays) return days;
  throw new KubexmError('USAGE', `--within-days ${days}: certificates last 365 days, new ones would be due at once`, {
    hint: 'kubexm certs renew --all',
  });
}

function requireKinds(asked: readonly string[], known: readonly string[]): void {
  const unknown = asked.filter((kind) => !known.includes(kind));
  if (unknown.length === 0) return;
  throw new KubexmError('USAGE', `--only: there is no certificate called ${unknown.join(', ')}`, {
    hint: `one or several of: ${known.join(', ')}`,
  });
}
