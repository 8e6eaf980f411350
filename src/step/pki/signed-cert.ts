import type { X509Certificate } from 'node:crypto';
import { KubexmError } from '../../errors/index.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { readCa } from './ca-cert.js';
import { fileDigest } from './digest.js';
import {
  closeToOthers,
  modeFault,
  privateKeyPem,
  readCertificate,
  readPair,
  writeDigests,
  writePrivate,
  writePublic,
} from './files.js';
import { issueSigned, newEcKey } from './issue.js';
import { sansOf, subjectText, subjectTextOf, usageIds, wantedSans } from './names.js';
import type { GenerateSignedCert } from './params.js';
import { daysLeft, daysText } from './validity.js';

const kind = 'pki.certificate';

/** Makes a certificate that a CA signs, with a new key; again whenever it is not what it should be, or nears its end. */
export const generateSignedCert = defineStep({
  kind,
  title: (p: GenerateSignedCert) => `Make the certificate ${p.subject.commonName}`,
  writes: ({ files }) => [files.cert, files.key].map((path) => fileDigest(path).$output),
  async precheck(ctx, p) {
    requireControlNode(ctx, kind);
    const { files } = p;
    const fault = (await certificateFault(p)) ?? (await modeFault(files.key));
    if (fault) return needed(fault);
    await writeDigests(ctx, [files.cert, files.key]);
    return satisfied('it is as it should be');
  },
  async run(ctx, p) {
    const { files, validDays = 365 } = p;
    if (await certificateFault(p)) {
      const ca = await readCa(p.ca);
      if (ca.state !== 'complete') {
        throw new KubexmError('PKI_BROKEN', `the CA ${p.ca.cert} is not there to sign ${files.cert}`, {
          hint: `put ${p.ca.cert} and ${p.ca.key} back from a backup`,
        });
      }
      const key = await newEcKey();
      const pem = await issueSigned({ ...p, key, ca, validDays });
      // Stopped between the two, the pair does not match and is made again.
      await writePrivate(files.key, privateKeyPem(key));
      await writePublic(files.cert, pem);
    }
    await closeToOthers(files.key);
    await writeDigests(ctx, [files.cert, files.key]);
  },
});

/** What a certificate is compared with. */
export type WantedCertificate = Pick<
  GenerateSignedCert,
  'files' | 'subject' | 'usages' | 'sans' | 'renewBeforeDays'
> & { readonly ca: { readonly cert: string } };

/** Why the files do not do; undefined where they do. */
export async function certificateFault(
  p: WantedCertificate,
  names: { readonly mayHaveMoreNames?: boolean } = {},
): Promise<string | undefined> {
  const { certificate, key } = await readPair(p.files);
  if (!certificate) return 'there is none yet';
  if (!key) return `its key ${p.files.key} is missing`;
  if (!certificate.checkPrivateKey(key)) return 'its key is not the one that is there';
  const ca = await readCertificate(p.ca.cert);
  if (!ca) return `its CA ${p.ca.cert} is not there`;
  if (!certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) return `${p.ca.cert} did not sign it`;
  return contentFault(certificate, p, names) ?? endFault(certificate, ca, p);
}

/** Of its subject, names and extended usages. */
export function contentFault(
  certificate: X509Certificate,
  { subject, sans, usages }: Pick<GenerateSignedCert, 'subject' | 'usages' | 'sans'>,
  { mayHaveMoreNames = false }: { readonly mayHaveMoreNames?: boolean } = {},
): string | undefined {
  const [subjectIs, subjectShould] = [subjectTextOf(certificate), subjectText(subject)];
  if (subjectIs !== subjectShould) return `its subject is ${subjectIs}, not ${subjectShould}`;
  const [has, should] = [sansOf(certificate), wantedSans(sans)];
  return (
    difference('SAN', mayHaveMoreNames ? new Set([...has].filter((name) => should.has(name))) : has, should) ??
    difference('usage', usagesOf(certificate), new Set(usages))
  );
}

/** One that ends with its CA cannot be made to last longer: then there is nothing to do until it is over. */
function endFault(
  certificate: X509Certificate,
  ca: X509Certificate,
  { renewBeforeDays = 30 }: WantedCertificate,
): string | undefined {
  const left = daysLeft(certificate);
  if (left <= 0) return `it ended on ${certificate.validTo}`;
  return left <= renewBeforeDays && daysLeft(ca) > left ? `it ends in ${daysText(left)}` : undefined;
}

/** `SAN 10.99.0.13 is missing`, `SAN old.example is not wanted any more`. */
function difference(what: string, is: ReadonlySet<string>, should: ReadonlySet<string>): string | undefined {
  const missing = [...should].filter((each) => !is.has(each));
  if (missing.length > 0) return `${what} ${missing.map(bare).join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing`;
  const extra = [...is].filter((each) => !should.has(each));
  if (extra.length === 0) return undefined;
  return `${what} ${extra.map(bare).join(', ')} ${extra.length > 1 ? 'are' : 'is'} not wanted any more`;
}

function bare(name: string): string {
  return name.replace(/^(DNS|IP):/, '');
}

function usagesOf({ keyUsage }: X509Certificate): ReadonlySet<string> {
  const names = new Map<string, string>(Object.entries(usageIds).map(([name, id]) => [id, name]));
  // The types say string[]; it is undefined for a certificate without extended usages.
  return new Set(((keyUsage as string[] | undefined) ?? []).map((id) => names.get(id) ?? id));
}
