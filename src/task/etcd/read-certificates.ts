import { hostPaths } from '../../common/host-paths.js';
import { CONTROL_NODE, draft, type HostName } from '../../plan/index.js';
import { type CertificatesReport, readCertificates, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { certificateFiles } from '../pki.js';
import { etcdLeaves } from './leaves.js';

const report = 'etcd:certificates';
const { pki } = hostPaths.etcd;

/** Reads etcd's certificates where they are used, and those of the control machine's work directory. */
export const readEtcdCertificates = defineTask('read-certificates', (ctx) => {
  const g = draft<StepContext>('read-certificates');
  const hosts = certificateHosts(ctx).filter((host) => ctx.facts.has(host));
  g.add('hosts', hosts, readCertificates({ report, directories: [pki] }));
  g.add(
    'work-directory',
    [CONTROL_NODE],
    readCertificates({ report, directories: [ctx.workDirs.getCertsDir('etcd')] }),
  );
  return g.done();
});

/** A certificate that should be on a host. `missing`: the host was asked, and has none; `unknown`: it could not be asked. */
export interface ObservedCertificate {
  readonly host: HostName;
  readonly path: string;
  readonly state: 'present' | 'missing' | 'broken' | 'unknown';
  /** Why it is broken or unknown. */
  readonly error?: string;
  /** `CN=node1` */
  readonly subject?: string;
  readonly sans?: readonly string[];
  /** Names and addresses of the config that it does not have. */
  readonly missingSans?: readonly string[];
  readonly serial?: string;
  /** ISO 8601. */
  readonly expiresAt?: string;
  /** Whole days. */
  readonly daysLeft?: number;
  /** It is the one of the control machine's work directory; absent where there is none to compare with. */
  readonly isOwn?: boolean;
}

/** What the hosts have, beside what they should have. */
export function observeCertificates(ctx: PlanContext, findings: Findings): readonly ObservedCertificate[] {
  const reports = new Map(reported<CertificatesReport>(findings, report).map(({ host, data }) => [host, data]));
  const own = reports.get(CONTROL_NODE)?.certificates ?? [];
  const fingerprintOf = (name: string) => {
    const path = certificateFiles(ctx, 'etcd', name).cert;
    return own.find((each) => each.name === path)?.fingerprint;
  };
  const failureOf = (host: HostName) =>
    findings.failures.find((failure) => failure.host === host)?.message ?? `${host} does not answer`;
  return wantedCertificates(ctx).map(({ host, path, name, sans }): ObservedCertificate => {
    const found = reports.get(host);
    if (found === undefined) return { host, path, state: 'unknown', error: failureOf(host) };
    const broken = found.broken.find((each) => each.name === path);
    if (broken !== undefined) return { host, path, state: 'broken', error: broken.error };
    const certificate = found.certificates.find((each) => each.name === path);
    if (certificate === undefined) return { host, path, state: 'missing' };
    const fingerprint = fingerprintOf(name);
    return {
      host,
      path,
      state: 'present',
      subject: certificate.subject,
      sans: certificate.sans,
      missingSans: sans.filter((san) => !certificate.sans.includes(san)),
      serial: certificate.serial,
      expiresAt: certificate.expiresAt,
      daysLeft: Math.floor(certificate.daysLeft),
      ...(fingerprint === undefined ? {} : { isOwn: fingerprint === certificate.fingerprint }),
    };
  });
}

/** What is wrong with them; one that ends within `warnDays` is. */
export function certificateProblems(certificates: readonly ObservedCertificate[], warnDays: number): readonly string[] {
  return certificates.flatMap(({ host, path, state, error, daysLeft, missingSans = [], isOwn }) => {
    const at = `${path} on ${host}`;
    if (state === 'unknown') return [];
    if (state === 'missing') return [`${at} is missing`];
    if (state === 'broken') return [`${at} cannot be read: ${error ?? ''}`];
    return [
      ...(daysLeft !== undefined && daysLeft < 0 ? [`${at} has run out`] : []),
      ...(daysLeft !== undefined && daysLeft >= 0 && daysLeft < warnDays
        ? [`${at} runs out in ${daysText(daysLeft)}`]
        : []),
      ...(missingSans.length > 0 ? [`${at} does not have ${missingSans.join(', ')}`] : []),
      ...(isOwn === false ? [`${at} is not the one of the work directory`] : []),
    ];
  });
}

function daysText(days: number): string {
  return days === 1 ? '1 day' : `${days} days`;
}

interface WantedCertificate {
  readonly host: HostName;
  readonly path: string;
  /** On the control machine. */
  readonly name: string;
  readonly sans: readonly string[];
}

function wantedCertificates(ctx: PlanContext): readonly WantedCertificate[] {
  const leaves = etcdLeaves(ctx);
  return certificateHosts(ctx).flatMap((host) => [
    { host, path: `${pki}/ca.pem`, name: 'ca', sans: [] },
    ...leaves
      .filter((leaf) => leaf.hosts.includes(host))
      .map(({ name, file, sans = {} }) => ({
        host,
        path: `${pki}/${file}.pem`,
        name,
        sans: [...(sans.dns ?? []).map((dns) => `DNS:${dns}`), ...(sans.ips ?? []).map((ip) => `IP:${ip}`)],
      })),
  ]);
}

function certificateHosts(ctx: PlanContext): readonly HostName[] {
  return [...new Set([...hostsWithRole(ctx, 'etcd'), ...hostsWithRole(ctx, 'control-plane')])];
}
