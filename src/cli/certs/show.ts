import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';
import {
  certificateDrift,
  certificateProblems,
  type ObservedCertificate,
  type Reading,
  rotationToEnd,
} from '../../pipeline/index.js';
import type { CommonOptions } from '../command-spec.js';
import { type Io, note, print, printJson } from '../io.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { table } from '../table.js';

export interface ListOptions extends CommonOptions {
  readonly warnDays: string;
}

/** How certificates are to be shown. `next`: the command that puts right what is wrong, unless a rotation is half done. */
export interface ShowCertificates {
  readonly cluster: string;
  readonly certificates: readonly ObservedCertificate[];
  readonly warnDays: number;
  /** `text`, `json` or `prometheus`. */
  readonly output: string;
  readonly next: string;
  /** What else is wrong. */
  readonly others?: readonly string[];
}

type Listing = Pick<ShowCertificates, 'certificates' | 'others'>;

/** Prints them. The exit code: 3 where one runs out soon, is not as it should be, or could not be looked at. */
export function showCertificates(io: Io, shown: ShowCertificates): number {
  const { cluster, certificates, warnDays, output } = shown;
  const problems = [...certificateProblems(certificates, warnDays), ...(shown.others ?? [])];
  if (output === 'json') printJson(io, { cluster, warnDays, problems, certificates });
  else if (output === 'prometheus') print(io, prometheusText(cluster, certificates));
  else print(io, certificatesTable(certificates));
  if (output !== 'json') for (const problem of problems) note(io, problem);
  if (problems.length > 0 && output === 'text') note(io, `Next: ${nextOf(shown)}`);
  const allKnown = certificates.every(({ state }) => state !== 'unknown');
  return problems.length === 0 && allKnown ? 0 : 3;
}

/** The CAs of registries are the user's own files. */
function nextOf({ certificates, warnDays, next, others = [] }: ShowCertificates): string {
  const made = certificates.filter(({ source }) => source === undefined);
  if (certificateProblems(made, warnDays).length > 0 || others.length > 0) return rotationToEnd(made) ?? next;
  return 'put the CA that signs for the registry now into the file that spec.registry.caFiles names; kubexm cluster apply';
}

/** Reads the certificates that `reading` looks at, and shows them. Hosts that do not answer are shown as unknown. */
export async function listCertificates(
  { cluster, options, io }: { readonly cluster: Cluster; readonly options: ListOptions; readonly io: Io },
  { reading, next }: { readonly reading: Reading<readonly ObservedCertificate[] | Listing>; readonly next: string },
): Promise<number> {
  const warnDays = wholeDays('--warn-days', options.warnDays);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const seen = await readCluster(runtime, reading);
    const { certificates, others = [] } = 'certificates' in seen ? seen : { certificates: seen };
    return showCertificates(io, {
      cluster: cluster.metadata.name,
      certificates,
      warnDays,
      output: options.output,
      next,
      others,
    });
  });
}

/** A number of days from the command line. */
export function wholeDays(option: string, text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new KubexmError('USAGE', `${option} ${text}: not a number of days`, { hint: `${option} 30` });
}

function certificatesTable(certificates: readonly ObservedCertificate[]): string {
  return table([
    ['HOST', 'PATH', 'DAYS', 'SUBJECT', 'SANS', 'DRIFT'],
    ...certificates.map((certificate) => {
      const { host, path, state, daysLeft, subject = '', sans = [] } = certificate;
      if (state !== 'present') return [host, path, state, '', '', ''];
      const names = sans.map((san) => san.replace(/^(DNS|IP):/, ''));
      return [
        host,
        path,
        String(daysLeft),
        subject,
        names.join(',') || '-',
        certificateDrift(certificate).join('; ') || '-',
      ];
    }),
  ]);
}

/** For the textfile collector of the node exporter: https://prometheus.io/docs/instrumenting/exposition_formats/ */
function prometheusText(cluster: string, certificates: readonly ObservedCertificate[]): string {
  const labels = ({ host, path }: ObservedCertificate, more: Readonly<Record<string, string>> = {}) =>
    Object.entries({ cluster, host, path, ...more })
      .map(([name, value]) => `${name}="${escaped(value)}"`)
      .join(',');
  const metric = (name: string, help: string, lines: readonly string[]) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...lines.map((line) => `${name}${line}`),
  ];
  const present = certificates.filter(({ state }) => state === 'present');
  return [
    ...metric(
      'kubexm_certificate_expiry_timestamp_seconds',
      'When the certificate runs out, in seconds since the epoch.',
      present.map(
        (each) => `{${labels(each, { subject: each.subject ?? '' })}} ${Date.parse(each.expiresAt ?? '') / 1000}`,
      ),
    ),
    ...metric(
      'kubexm_certificate_drift',
      'In how many ways the certificate is not what the cluster file and the CA of the work directory ask for.',
      present.map((each) => `{${labels(each)}} ${certificateDrift(each).length}`),
    ),
    ...metric(
      'kubexm_certificate_present',
      '1: it is there and can be read; 0: it is missing, broken, or its host does not answer.',
      certificates.map((each) => `{${labels(each)}} ${each.state === 'present' ? 1 : 0}`),
    ),
  ].join('\n');
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
