import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asError, KubexmError } from '../../errors/index.js';
import { unlessMissing } from '../../util/system-error.js';
import {
  certificatesIn,
  privateKeyPem,
  readCertificate,
  readKey,
  readPair,
  writePrivate,
  writePublic,
} from './files.js';
import { issueRequest, newEcKey } from './issue.js';
import { takeKeylessCa } from './keyless-ca.js';
import { subjectTextOf } from './names.js';
import type { SignedElsewhere } from './params.js';
import { certificateFault, contentFault } from './signed-cert.js';
import { daysLeft, daysText } from './validity.js';

const suggestedDays = 365;
const extendedUsages = { server: 'serverAuth', client: 'clientAuth' } as const;

/** A request that was written, and why. */
export interface WrittenRequest {
  readonly host: string;
  readonly name: string;
  readonly because: string;
}

interface RequestIndex {
  readonly kind: 'kubexm-requests';
  readonly cluster: string;
  readonly requests: readonly unknown[];
}

/**
 * Writes `HOST/NAME.csr` into the directory for each certificate that is missing, not as it should be, or has no more than
 * `withinDays` left, and `index.json` with what the signer needs to know. Their keys stay in the work directory, beside those
 * that are in use, until what was signed is imported: asked again, it is the same key.
 */
export async function writeRequests({
  certificates,
  directory,
  cluster,
  withinDays,
}: {
  readonly certificates: readonly SignedElsewhere[];
  readonly directory: string;
  readonly cluster: string;
  readonly withinDays: number;
}): Promise<readonly WrittenRequest[]> {
  await refuseOthers(directory, cluster);
  await takeAuthorities(certificates);
  const written: WrittenRequest[] = [];
  const requests: unknown[] = [];
  for (const wanted of certificates) {
    const { host, name, files, ca, subject, usages, sans } = wanted;
    const because = await certificateFault(
      { ...wanted, ca: { cert: ca }, renewBeforeDays: withinDays },
      { mayHaveMoreNames: true },
    );
    if (because === undefined) continue;
    const key = (await readKey(requestKey(files.key))) ?? (await newRequestKey(files.key));
    await writePublic(join(directory, host, `${name}.csr`), await issueRequest({ key, subject, usages, sans }));
    const issuer = await readCertificate(ca);
    written.push({ host, name, because });
    requests.push({
      host,
      name,
      request: `${host}/${name}.csr`,
      certificate: `${host}/${name}.crt`,
      because,
      issuer: issuer === undefined ? '' : subjectTextOf(issuer),
      subject: { commonName: subject.commonName, organizations: subject.organizations ?? [] },
      sans: { dns: sans?.dns ?? [], ips: sans?.ips ?? [] },
      keyUsages: ['digitalSignature'],
      extendedKeyUsages: usages.map((usage) => extendedUsages[usage]),
      suggestedDays,
    });
  }
  const index: RequestIndex = { kind: 'kubexm-requests', cluster, requests };
  await writePublic(join(directory, 'index.json'), `${JSON.stringify(index, null, 2)}\n`);
  return written;
}

/** What came of an import, as `NAME of HOST`. */
export interface ImportedCertificates {
  readonly stored: readonly string[];
  /** Were stored before. */
  readonly same: readonly string[];
  /** Requests whose certificates are not in the directory. */
  readonly waiting: readonly string[];
}

/**
 * Stores the certificates `HOST/NAME.crt` of the directory in the work directory, with the keys of their requests. One that is
 * not what was asked for is GUARD_REFUSED, with all that is wrong with all of them, before anything is stored. Ended anywhere,
 * it can be run again.
 */
export async function importSigned({
  certificates,
  directory,
  minDays,
}: {
  readonly certificates: readonly SignedElsewhere[];
  readonly directory: string;
  readonly minDays: number;
}): Promise<ImportedCertificates> {
  await takeAuthorities(certificates);
  const found = await certificateFiles(directory);
  const faults = found
    .filter((file) => !certificates.some((wanted) => fileOf(wanted) === file))
    .map((file) => `${file}: this cluster has no such certificate`);
  const good: { readonly wanted: SignedElsewhere; readonly certificate: X509Certificate; readonly key: KeyObject }[] =
    [];
  const waiting: string[] = [];
  const same: string[] = [];
  const done: SignedElsewhere[] = [];
  for (const wanted of certificates) {
    const file = fileOf(wanted);
    const requested = await readKey(requestKey(wanted.files.key));
    if (!found.includes(file)) {
      if (requested !== undefined) waiting.push(textOf(wanted));
      continue;
    }
    const key = requested ?? (await readKey(wanted.files.key));
    const read = await signedIn(join(directory, file), key);
    // The directory of an earlier round: what was imported then is there still, and is asked nothing any more.
    if (typeof read !== 'string' && (await isStored(wanted, read))) {
      const isDone = requested === undefined || createPublicKey(requested).equals(read.publicKey);
      (isDone ? same : waiting).push(textOf(wanted));
      if (isDone) done.push(wanted);
      continue;
    }
    if (typeof read === 'string') faults.push(`${file}: ${read}`);
    else if (key === undefined) faults.push(`${file}: nothing was asked for under this name: kubexm certs csr DIR`);
    else {
      const wrong = await allFaults(wanted, { certificate: read, key, minDays });
      faults.push(...wrong.map((fault) => `${file}: ${fault}`));
      if (wrong.length === 0) good.push({ wanted, certificate: read, key });
    }
  }
  if (faults.length > 0) {
    throw new KubexmError('GUARD_REFUSED', `${directory}: not all is what was asked for; nothing was stored`, {
      details: faults,
      hint: 'have those signed again as index.json says, then run the same command again',
      retryable: false,
    });
  }
  const stored: string[] = [];
  for (const { wanted, certificate, key } of good) {
    stored.push(textOf(wanted));
    // Stopped between the two, the pair does not match; the key of the request is there still to do it again.
    await writePrivate(wanted.files.key, privateKeyPem(key));
    await writePublic(wanted.files.cert, certificate.toString());
  }
  // An import that ended here left the key of a request that is answered.
  for (const { files } of [...done, ...good.map(({ wanted }) => wanted)])
    await rm(requestKey(files.key), { force: true });
  return { stored, same, waiting };
}

/** The key that a certificate will have; that of the one before is in use until then. */
function requestKey(path: string): string {
  return path.replace(/\.key$/, '.request.key');
}

async function newRequestKey(path: string): Promise<KeyObject> {
  const key = await newEcKey();
  await writePrivate(requestKey(path), privateKeyPem(key));
  return key;
}

async function takeAuthorities(certificates: readonly SignedElsewhere[]): Promise<void> {
  for (const ca of new Set(certificates.map((wanted) => wanted.ca))) {
    const source = certificates.find((wanted) => wanted.ca === ca)?.source ?? ca;
    await takeKeylessCa({ source, files: { cert: ca, key: ca.replace(/\.crt$/, '.key') } });
  }
}

async function allFaults(
  { ca, ...wanted }: SignedElsewhere,
  { certificate, key, minDays }: { readonly certificate: X509Certificate; readonly key: KeyObject; minDays: number },
): Promise<readonly string[]> {
  const issuer = await readCertificate(ca);
  if (issuer === undefined) return [`its CA ${ca} is not there`];
  const content = contentFault(certificate, wanted);
  const left = daysLeft(certificate);
  const isShort = left < minDays && daysLeft(issuer) >= minDays;
  return [
    ...(createPublicKey(key).equals(certificate.publicKey) ? [] : ['it has another public key than the request']),
    ...(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey) ? [] : [othersFault(certificate, ca)]),
    ...(content === undefined ? [] : [content]),
    ...(certificate.ca ? ['it is the certificate of a CA'] : []),
    ...((await hasSignatureUsage(certificate)) ? [] : ['its key usages lack digitalSignature']),
    ...(Date.parse(certificate.validFrom) > Date.now() ? [`it is not valid before ${certificate.validFrom}`] : []),
    ...(left <= 0 ? [`it ended on ${certificate.validTo}`] : []),
    ...(left > 0 && isShort ? [`it ends in ${daysText(left)}, and is to last ${minDays} days at least`] : []),
  ];
}

/** Under a CA that is signed by the cluster's own nobody would find the way: what trusts the cluster knows the one alone. */
function othersFault(certificate: X509Certificate, ca: string): string {
  return `${ca} did not sign it, but ${certificate.issuer.replaceAll('\n', ', ')}: no CA between the two is taken`;
}

/** One without key usages may be used for everything (RFC 5280, 4.2.1.3). */
async function hasSignatureUsage(certificate: X509Certificate): Promise<boolean> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const usages = new x509.X509Certificate(certificate.raw).getExtension(x509.KeyUsagesExtension)?.usages;
  return usages === undefined || usages === null || (usages & x509.KeyUsageFlags.digitalSignature) !== 0;
}

/** Whether the certificate came with an earlier import, which is complete: its key is there, too. */
async function isStored({ files }: SignedElsewhere, { fingerprint256 }: X509Certificate): Promise<boolean> {
  const { certificate, key } = await readPair(files);
  return certificate?.fingerprint256 === fingerprint256 && key !== undefined && certificate.checkPrivateKey(key);
}

/**
 * The certificate of this key, wherever it stands in the file: many signers put those above it there as well, which nobody here
 * needs, as the CA itself signs. What is wrong with the file, in words, where it holds none.
 */
async function signedIn(path: string, key: KeyObject | undefined): Promise<X509Certificate | string> {
  try {
    const content = await readFile(path);
    const several = certificatesIn(content.toString('latin1'));
    const own = several.find((each) => key !== undefined && createPublicKey(key).equals(each.publicKey));
    return own ?? several[0] ?? new X509Certificate(content);
  } catch (error) {
    return `it holds no certificate that can be read: ${asError(error).message}`;
  }
}

/** `HOST/NAME.crt` of all that lie there. Throws FILE_MISSING where there is no such directory. */
async function certificateFiles(directory: string): Promise<readonly string[]> {
  const entries = await unlessMissing(readdir(directory, { withFileTypes: true }));
  if (entries === undefined) {
    throw new KubexmError('FILE_MISSING', `${directory} is not there`, {
      hint: 'the directory of kubexm certs csr, with the certificates beside the requests',
      retryable: false,
    });
  }
  const hosts = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const files = await Promise.all(
    hosts.map(async (host) => (await readdir(join(directory, host))).map((file) => `${host}/${file}`)),
  );
  return files.flat().filter((file) => file.endsWith('.crt'));
}

async function refuseOthers(directory: string, cluster: string): Promise<void> {
  const text = await unlessMissing(readFile(join(directory, 'index.json'), 'utf8'));
  if (text === undefined || clusterIn(text) === cluster) return;
  throw new KubexmError('GUARD_REFUSED', `${directory} has an index.json that is not of cluster ${cluster}`, {
    hint: 'another directory',
    retryable: false,
  });
}

function clusterIn(text: string): string | undefined {
  try {
    const { kind, cluster } = JSON.parse(text) as Partial<RequestIndex>;
    return kind === 'kubexm-requests' ? cluster : undefined;
  } catch {
    return undefined;
  }
}

function fileOf({ host, name }: SignedElsewhere): string {
  return `${host}/${name}.crt`;
}

function textOf({ host, name }: SignedElsewhere): string {
  return `${name} of ${host}`;
}
