import { X509Certificate } from 'node:crypto';
import type { Json } from '../../plan/index.js';
import { sh } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';
import { sansOf, subjectTextOf } from './names.js';
import { daysLeft } from './validity.js';

/** A certificate file of a host. */
export interface CertificateReport {
  /** Its path. */
  readonly name: string;
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
}

/** A file that should hold a certificate and does not. */
export interface BrokenCertificate {
  readonly name: string;
  readonly error: string;
}

/** What is in the directories: a certificate that is not in the report is not there. */
export interface CertificatesReport {
  readonly certificates: readonly CertificateReport[];
  readonly broken: readonly BrokenCertificate[];
}

/** `report`: name of the log event that carries the `CertificatesReport`. Directories that do not exist are empty ones. */
export interface ReadCertificates {
  readonly report: string;
  readonly directories: readonly string[];
}

/** Reads the certificates that lie directly in these directories. */
export const readCertificates = defineStep<ReadCertificates>({
  kind: 'read.certificates',
  title: () => 'Read the certificates',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    // A directory that is there and cannot be read is an error: nothing is known of what is in it.
    const { stdout } = await host.run(
      sh`files=$(for d in ${p.directories}; do [ -e "$d" ] || continue; find -H "$d" -maxdepth 1 -type f '(' -name '*.crt' -o -name '*.pem' ')' ! -name '*-key.pem' || exit 1; done) || exit 1
printf '%s\n' "$files" | while IFS= read -r f; do [ -n "$f" ] || continue; echo "@@$f"; cat "$f" || exit 1; echo; done`,
      { signal },
    );
    const sections = stdout.split(/^@@/m).slice(1).map(certificateIn);
    const report: CertificatesReport = {
      certificates: sections.filter((each): each is CertificateReport => each !== undefined && 'serial' in each),
      broken: sections.filter((each): each is BrokenCertificate => each !== undefined && 'error' in each),
    };
    log('debug', p.report, report as unknown as Json);
    return satisfied(`${report.certificates.length} certificates`);
  },
  run: () => Promise.resolve(),
});

/** Undefined for a file with something else in it. */
function certificateIn(section: string): CertificateReport | BrokenCertificate | undefined {
  const [name = '', ...lines] = section.split('\n');
  const pem = lines.join('\n');
  if (pem.trim() === '') return { name, error: 'the file is empty' };
  if (!pem.includes('BEGIN CERTIFICATE')) return undefined;
  try {
    const certificate = new X509Certificate(pem);
    return {
      name,
      subject: subjectTextOf(certificate),
      sans: [...sansOf(certificate)],
      expiresAt: new Date(certificate.validTo).toISOString(),
      daysLeft: daysLeft(certificate),
      serial: certificate.serialNumber,
      fingerprint: certificate.fingerprint256,
    };
  } catch (error) {
    return { name, error: error instanceof Error ? error.message : String(error) };
  }
}
