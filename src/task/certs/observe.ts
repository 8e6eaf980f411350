import { hostPaths } from '../../common/host-paths.js';
import type { CertsComponent } from '../../common/work-dirs.js';
import { CONTROL_NODE, type HostName } from '../../plan/index.js';
import type { CertificatesReport } from '../../step/index.js';
import type { PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { certificateFiles } from '../pki.js';

type CertificateReport = CertificatesReport['certificates'][number];

/** A certificate authority of the cluster, as its files in the work directory are called. */
export interface AuthorityName {
  readonly component: CertsComponent;
  readonly name: string;
}

/** The CA that is to follow one, in the work directory: it is there while a rotation is under way. */
export function nextName(name: string): string {
  return `${name}-next`;
}

/** The cluster's CA under the signature of the one before it, in the work directory. */
export const crossName = 'ca-cross';

/** The CAs that can be rotated, by the words of the command. */
export const rotatable = ['cluster', 'front-proxy', 'etcd'] as const;
export type Rotatable = (typeof rotatable)[number];

/** A certificate that should be on a host. */
export interface WantedCertificate {
  readonly host: HostName;
  readonly path: string;
  /** Of a kubeconfig: what it trusts is looked at as well. */
  readonly isKubeconfig?: boolean;
  /** The CA that this is, or that has to have signed it. Absent: it is its own. */
  readonly authority?: AuthorityName & { readonly is: 'itself' | 'signer' };
  /** The one of the work directory that it has to be; absent where it is made on the host. */
  readonly own?: AuthorityName;
  /** The user's own file on the control machine that it is a copy of. */
  readonly source?: string;
  readonly sans: readonly string[];
  /** What has to lie behind it in the same file, where the work directory has one that is not over. */
  readonly chain?: AuthorityName;
  /** Absent ones are not told of. */
  readonly isOptional?: boolean;
}

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
  /** The user's own file on the control machine that it is a copy of: kubexm does not make another. */
  readonly source?: string;
  /** It is the one of the control machine's work directory, or of `source`; absent where there is none to compare with. */
  readonly isOwn?: boolean;
  /** The CA of the work directory has signed it; absent where there is none to compare with, and for CAs. */
  readonly isSignedByOwn?: boolean;
  /** The CA that is to follow has signed it; absent where no rotation is under way. */
  readonly isSignedByNext?: boolean;
  /** Of CAs and kubeconfigs: how many CAs are trusted there; more than one in the middle of a rotation. */
  readonly trusted?: number;
  /** Of CAs and kubeconfigs: the CA of the work directory is among those. */
  readonly trustsOwn?: boolean;
  /** Those who trust only the CA before do not find the way from it. */
  readonly lacksChain?: boolean;
}

/** What the hosts have, beside what they should have. */
export function observeWanted(
  ctx: PlanContext,
  findings: Findings,
  { report, wanted }: { readonly report: string; readonly wanted: readonly WantedCertificate[] },
): readonly ObservedCertificate[] {
  const reports = new Map(reported<CertificatesReport>(findings, report).map(({ host, data }) => [host, data]));
  const own = reports.get(CONTROL_NODE)?.certificates ?? [];
  const ownOne = ({ component, name }: AuthorityName) => {
    const path = certificateFiles(ctx, component, name).cert;
    return own.find((each) => each.name === path);
  };
  const ownFingerprint = (name: AuthorityName) => ownOne(name)?.fingerprint;
  const failureOf = (host: HostName) =>
    findings.failures.find((failure) => failure.host === host)?.message ?? `${host} does not answer`;
  return wanted.flatMap((each): readonly ObservedCertificate[] => {
    const { host, path } = each;
    const found = reports.get(host);
    if (found === undefined) return [{ host, path, state: 'unknown', error: failureOf(host) }];
    const broken = found.broken.find(({ name }) => name === path);
    if (broken !== undefined) return [{ host, path, state: 'broken', error: broken.error }];
    const here = found.certificates.filter(({ name }) => name === path);
    if (each.source !== undefined) return [copied(each, { source: each.source, here, own })];
    const certificate = here.find(({ part }) => part !== 'authority');
    if (certificate === undefined) return each.isOptional === true ? [] : [{ host, path, state: 'missing' }];
    const chain = each.chain && ownOne(each.chain);
    const lacksChain =
      chain !== undefined && chain.daysLeft > 0 && here.every(({ fingerprint }) => fingerprint !== chain.fingerprint);
    return [{ ...present(each, { certificate, here, ownFingerprint }), ...(lacksChain ? { lacksChain } : {}) }];
  });
}

/** A file may hold several: the first to run out is what counts. */
function copied(
  { host, path }: WantedCertificate,
  {
    source,
    here,
    own,
  }: {
    readonly source: string;
    readonly here: readonly CertificateReport[];
    readonly own: readonly CertificateReport[];
  },
): ObservedCertificate {
  const [certificate] = here.toSorted((a, b) => a.daysLeft - b.daysLeft);
  if (certificate === undefined) return { host, path, source, state: 'missing' };
  const fingerprints = (all: readonly CertificateReport[]) => all.map(({ fingerprint }) => fingerprint).join();
  const original = own.filter(({ name }) => name === source);
  return {
    host,
    path,
    source,
    state: 'present',
    ...described(certificate),
    ...(original.length === 0 ? {} : { isOwn: fingerprints(original) === fingerprints(here) }),
  };
}

function described({ subject, sans, serial, expiresAt, daysLeft }: CertificateReport) {
  return { subject, sans, serial, expiresAt, daysLeft: Math.floor(daysLeft) };
}

function present(
  { host, path, sans, authority, own, isKubeconfig = false }: WantedCertificate,
  {
    certificate,
    here,
    ownFingerprint,
  }: {
    readonly certificate: CertificateReport;
    readonly here: readonly CertificateReport[];
    readonly ownFingerprint: (name: AuthorityName) => string | undefined;
  },
): ObservedCertificate {
  const ca = authority && ownFingerprint(authority);
  const next = authority && ownFingerprint({ ...authority, name: nextName(authority.name) });
  const copy = own && ownFingerprint(own);
  const trusted = here.filter(({ part }) => (isKubeconfig ? part === 'authority' : authority?.is === 'itself'));
  return {
    host,
    path,
    state: 'present',
    ...described(certificate),
    missingSans: sans.filter((san) => !certificate.sans.includes(san)),
    ...(copy === undefined ? {} : { isOwn: copy === certificate.fingerprint }),
    ...(ca !== undefined && authority?.is === 'signer' ? { isSignedByOwn: certificate.signedBy.includes(ca) } : {}),
    ...(next !== undefined && authority?.is === 'signer'
      ? { isSignedByNext: certificate.signedBy.includes(next) }
      : {}),
    ...(trusted.length === 0 ? {} : { trusted: trusted.length }),
    ...(trusted.length === 0 || ca === undefined
      ? {}
      : { trustsOwn: trusted.some(({ fingerprint }) => fingerprint === ca) }),
  };
}

/** How it differs from what it should be, whatever its age. */
export function certificateDrift(certificate: ObservedCertificate): readonly string[] {
  const { missingSans = [], source, isOwn, isSignedByOwn, trusted = 1, trustsOwn, lacksChain = false } = certificate;
  if (source !== undefined) return isOwn === false ? [`is not ${source}: kubexm cluster apply`] : [];
  return [
    ...(missingSans.length > 0 ? [`does not have ${missingSans.join(', ')}`] : []),
    ...(isOwn === false ? ['is not the one of the work directory'] : []),
    ...(isSignedByOwn === false ? ['is not signed by the CA of the work directory'] : []),
    ...(trustsOwn === false && isOwn !== false ? ['does not trust the CA of the work directory'] : []),
    ...(lacksChain ? ['shows no way from the CA before, which pods may still trust'] : []),
    ...(trusted > 1 ? [`trusts ${trusted} CAs: a rotation is half done`] : []),
  ];
}

/** The command that goes on with a rotation which is half done; undefined where there is none. It comes before all else. */
export function rotationToEnd(certificates: readonly ObservedCertificate[]): string | undefined {
  const half = certificates.find(({ trusted = 1, isSignedByNext }) => trusted > 1 || isSignedByNext !== undefined);
  if (half === undefined) return undefined;
  const which: Rotatable = half.path.startsWith(`${hostPaths.etcd.pki}/`)
    ? 'etcd'
    : half.path.includes('/front-proxy-')
      ? 'front-proxy'
      : 'cluster';
  return `kubexm certs rotate-ca ${which}`;
}

/** What is wrong with them; one that ends within `warnDays` is. */
export function certificateProblems(certificates: readonly ObservedCertificate[], warnDays: number): readonly string[] {
  return certificates.flatMap((certificate) => {
    const { host, path, state, error, daysLeft } = certificate;
    const at = `${path} on ${host}`;
    if (state === 'unknown') return [];
    if (state === 'missing') return [`${at} is missing`];
    if (state === 'broken') return [`${at} cannot be read: ${error ?? ''}`];
    return [
      ...(daysLeft !== undefined && daysLeft < 0 ? [`${at} has run out`] : []),
      ...(daysLeft !== undefined && daysLeft >= 0 && daysLeft < warnDays
        ? [`${at} runs out in ${daysText(daysLeft)}`]
        : []),
      ...certificateDrift(certificate).map((drift) => `${at} ${drift}`),
    ];
  });
}

function daysText(days: number): string {
  return days === 1 ? '1 day' : `${days} days`;
}
