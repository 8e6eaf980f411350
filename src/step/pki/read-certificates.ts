import { X509Certificate } from 'node:crypto';
import type { Json } from '../../plan/index.js';
import { sh } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';
import { sansOf, subjectTextOf } from './names.js';
import { daysLeft } from './validity.js';

/** A certificate of a host. A file with several of them is in the report with each, in their order. */
export interface CertificateReport {
  /** The file's path. */
  readonly name: string;
  /** Of a kubeconfig: `client` is what its user shows, `authority` what it trusts. Absent for other files. */
  readonly part?: 'client' | 'authority';
  /** `O=system:masters, CN=admin` */
  readonly subject: string;
  /** `DNS:localhost`, `IP:127.0.0.1` */
  readonly sans: readonly string[];
  /** ISO 8601. */
  readonly expiresAt: string;
  /** With fractions; negative when it is over. By the clock of the control machine. */
  readonly daysLeft: number;
  readonly serial: string;
  /** SHA-256 of the certificate itself. */
  readonly fingerprint: string;
  /** Fingerprints of those CAs of this report that have signed it; a CA that nobody else signed has its own. */
  readonly signedBy: readonly string[];
}

/** A file that should hold a certificate and does not. */
export interface BrokenCertificate {
  readonly name: string;
  readonly part?: 'client' | 'authority';
  readonly error: string;
}

/** What is in the directories: a certificate that is not in the report is not there. */
export interface CertificatesReport {
  readonly certificates: readonly CertificateReport[];
  readonly broken: readonly BrokenCertificate[];
}

/**
 * `report`: name of the log event that carries the `CertificatesReport`. Directories and files that do not exist are empty
 * ones. `files`: PEM files by path, such as those that hold the key as well; `kubeconfigs`: what they embed is read.
 */
export interface ReadCertificates {
  readonly report: string;
  readonly directories: readonly string[];
  readonly files?: readonly string[];
  readonly kubeconfigs?: readonly string[];
}

/** Reads the certificates that lie directly in these directories, and those of the files. Keys are left on the host. */
export const readCertificates = defineStep<ReadCertificates>({
  kind: 'read.certificates',
  title: () => 'Read the certificates',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    // A directory or a file that is there and cannot be read is an error: nothing is known of what is in it.
    const { stdout } = await host.run(
      sh`files=$(for d in ${p.directories}; do [ -e "$d" ] || continue; find -H "$d" -maxdepth 1 -type f '(' -name '*.crt' -o -name '*.pem' ')' ! -name '*-key.pem' || exit 1; done) || exit 1
for f in ${p.files ?? []}; do [ -e "$f" ] && files=$(printf '%s\n%s' "$files" "$f"); done
printf '%s\n' "$files" | while IFS= read -r f; do [ -n "$f" ] || continue; [ -r "$f" ] || exit 1; if [ -s "$f" ]; then echo "@@pem $f"; else echo "@@empty $f"; fi; sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' "$f" || exit 1; echo; done || exit 1
for f in ${p.kubeconfigs ?? []}; do [ -e "$f" ] || continue; [ -r "$f" ] || exit 1; echo "@@kubeconfig $f"; sed -n -E 's/^[ -]*(client-certificate-data|certificate-authority-data): */\\1 /p' "$f" || exit 1; done`,
      { signal },
    );
    const parts = stdout.split(/^@@/m).slice(1).flatMap(partsOf);
    const read = parts.map(certificatesIn);
    const found = read.flatMap(({ certificates }) => certificates);
    const authorities = unique(found.map(({ certificate }) => certificate).filter(({ ca }) => ca));
    const report: CertificatesReport = {
      certificates: found.map(({ part, certificate }) => described(part, certificate, authorities)),
      broken: read.flatMap(({ broken }) => broken),
    };
    log('debug', p.report, report as unknown as Json);
    return satisfied(`${report.certificates.length} certificates`);
  },
  run: () => Promise.resolve(),
});

/** One place where certificates stand, and the PEM there. */
interface Part {
  readonly name: string;
  readonly part?: 'client' | 'authority';
  readonly pem: string;
}

function partsOf(section: string): readonly Part[] {
  const [heading = '', ...lines] = section.split('\n');
  const space = heading.indexOf(' ');
  const [kind, name] = [heading.slice(0, space), heading.slice(space + 1)];
  if (kind === 'empty') return [{ name, pem: '' }];
  if (kind === 'pem') {
    const pem = lines.join('\n');
    // A file with something else in it.
    return pem.includes('BEGIN CERTIFICATE') ? [{ name, pem }] : [];
  }
  return lines.flatMap((line): readonly Part[] => {
    const [field = '', data = ''] = line.split(' ');
    const pem = Buffer.from(data.replaceAll(/["']/g, ''), 'base64').toString();
    if (field === 'client-certificate-data') return [{ name, part: 'client', pem }];
    return field === 'certificate-authority-data' ? [{ name, part: 'authority', pem }] : [];
  });
}

function certificatesIn(part: Part): {
  readonly certificates: readonly { readonly part: Part; readonly certificate: X509Certificate }[];
  readonly broken: readonly BrokenCertificate[];
} {
  const broken = (error: string) => {
    const { name, part: of } = part;
    return { certificates: [], broken: [{ name, ...(of === undefined ? {} : { part: of }), error }] };
  };
  if (part.pem.trim() === '') return broken('the file is empty');
  try {
    const pems = part.pem.match(/-+BEGIN CERTIFICATE-+[^]*?-+END CERTIFICATE-+/g) ?? [part.pem];
    return { certificates: pems.map((pem) => ({ part, certificate: new X509Certificate(pem) })), broken: [] };
  } catch (error) {
    return broken(error instanceof Error ? error.message : String(error));
  }
}

function described(
  { name, part }: Part,
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): CertificateReport {
  return {
    name,
    ...(part === undefined ? {} : { part }),
    subject: subjectTextOf(certificate),
    sans: [...sansOf(certificate)],
    expiresAt: new Date(certificate.validTo).toISOString(),
    daysLeft: daysLeft(certificate),
    serial: certificate.serialNumber,
    fingerprint: certificate.fingerprint256,
    signedBy: authorities
      .filter((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey))
      .map((ca) => ca.fingerprint256),
  };
}

function unique(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  return [...new Map(certificates.map((each) => [each.fingerprint256, each])).values()];
}
