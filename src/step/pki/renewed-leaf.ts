import type { X509Certificate } from 'node:crypto';
import type { StepContext } from '../context.js';
import { certificatesIn, readCertificate } from './files.js';
import { sansOf, subjectTextOf } from './names.js';

/**
 * Whether a certificate on the host (`path`) does for one of the control machine (`source`) and ends later: the same CA has
 * signed it, for the same subject, names and usages.
 */
export async function isRenewedOnHost(
  { host, signal }: StepContext,
  { path, source, ca }: { readonly path: string; readonly source: string; readonly ca: string },
): Promise<boolean> {
  const [own, authority] = await Promise.all([readCertificate(source), readCertificate(ca)]);
  const text = await host.readFile(path, { signal });
  const found = text === undefined ? undefined : certificateIn(text);
  if (own === undefined || authority === undefined || found === undefined) return false;
  return (
    found.checkIssued(authority) &&
    found.verify(authority.publicKey) &&
    Date.parse(found.validTo) > Date.parse(own.validTo) &&
    content(found) === content(own)
  );
}

/** One that cannot be read is none. */
function certificateIn(text: string): X509Certificate | undefined {
  try {
    return certificatesIn(text)[0];
  } catch {
    return undefined;
  }
}

function content(certificate: X509Certificate): string {
  const usages = (certificate.keyUsage as string[] | undefined) ?? [];
  return JSON.stringify([subjectTextOf(certificate), [...sansOf(certificate)].sort(), [...usages].sort()]);
}
