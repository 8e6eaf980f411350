import { KubexmError } from '../../errors/index.js';
import { certificateProblems, etcdCertificatesOf, type ObservedCertificate } from '../../pipeline/index.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { table } from '../table.js';
import { loadManagedEtcd } from './verdict.js';

interface CertsOptions extends CommonOptions {
  readonly warnDays: string;
}

/** `kubexm etcd certs`. 3 where one runs out soon, is missing or not as it should be, or could not be looked at. */
export async function run({ options, io }: Invocation<CertsOptions>): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  const warnDays = wholeDays('--warn-days', options.warnDays);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const certificates = await readCluster(runtime, etcdCertificatesOf);
    const problems = certificateProblems(certificates, warnDays);
    if (options.output === 'json') printJson(io, { cluster: cluster.metadata.name, warnDays, problems, certificates });
    else {
      print(io, certificatesTable(certificates));
      for (const problem of problems) note(io, problem);
    }
    const allKnown = certificates.every(({ state }) => state !== 'unknown');
    if (problems.length > 0 && options.output !== 'json') note(io, 'Next: kubexm etcd renew-certs');
    return problems.length === 0 && allKnown ? 0 : 3;
  });
}

/** A number of days from the command line. */
export function wholeDays(option: string, text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new KubexmError('USAGE', `${option} ${text}: not a number of days`, { hint: `${option} 30` });
}

function certificatesTable(certificates: readonly ObservedCertificate[]): string {
  return table([
    ['HOST', 'PATH', 'DAYS', 'SUBJECT', 'OWN', 'SANS', 'MISSING SANS'],
    ...certificates.map(({ host, path, state, daysLeft, subject, isOwn, sans = [], missingSans = [] }) =>
      state === 'present'
        ? [
            host,
            path,
            String(daysLeft),
            subject ?? '',
            isOwn === undefined ? '?' : isOwn ? 'yes' : 'NO',
            sans.map(bare).join(',') || '-',
            missingSans.map(bare).join(',') || '-',
          ]
        : [host, path, state, '', '', '', ''],
    ),
  ]);
}

function bare(san: string): string {
  return san.replace(/^(DNS|IP):/, '');
}
