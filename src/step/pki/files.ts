import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { asError, KubexmError } from '../../errors/index.js';
import { writeFileAtomic } from '../../util/atomic-file.js';
import { sha256File } from '../../util/sha256-file.js';
import { unlessMissing } from '../../util/system-error.js';
import type { StepContext } from '../context.js';
import { fileDigest } from './digest.js';
import type { CertificateFiles } from './params.js';

/** What is at the two paths; each undefined where there is no file. */
export interface FoundPair {
  readonly certificate: X509Certificate | undefined;
  readonly key: KeyObject | undefined;
}

/** Reads a certificate and its key. Throws PKI_BROKEN where a file is there but holds none. */
export async function readPair({ cert, key }: CertificateFiles): Promise<FoundPair> {
  return { certificate: await readCertificate(cert), key: await readKey(key) };
}

/** Undefined where the file is not there. */
export async function readCertificate(path: string): Promise<X509Certificate | undefined> {
  const pem = await unlessMissing(readFile(path));
  return pem && understood(path, 'certificate', () => new X509Certificate(pem));
}

/** Undefined where the file is not there. */
export async function readKey(path: string): Promise<KeyObject | undefined> {
  const pem = await unlessMissing(readFile(path));
  return pem && understood(path, 'private key', () => createPrivateKey(pem));
}

/** All certificates of a PEM text, such as a file of trusted CAs. */
export function certificatesIn(text: string): readonly X509Certificate[] {
  return (text.match(/-+BEGIN CERTIFICATE-+[^]*?-+END CERTIFICATE-+/g) ?? []).map((pem) => new X509Certificate(pem));
}

/** Writes a private key or another secret: 0600. */
export async function writePrivate(path: string, content: string): Promise<void> {
  await writeFileAtomic(path, content, { mode: 0o600 });
}

/** Writes what everybody may read: 0644. */
export async function writePublic(path: string, content: string): Promise<void> {
  await writeFileAtomic(path, content, { mode: 0o644 });
}

/** Why the file's mode is not that of a secret; undefined where it is. */
export async function modeFault(path: string): Promise<string | undefined> {
  const mode = (await stat(path)).mode & 0o777;
  return mode & 0o077 ? `${path} is open to others (mode 0${mode.toString(8)})` : undefined;
}

/** Takes group's and others' rights away from a secret. */
export async function closeToOthers(path: string): Promise<void> {
  if (await modeFault(path)) await chmod(path, 0o600);
}

/** Fills the outputs that name these files' digests. */
export async function writeDigests(ctx: StepContext, paths: readonly string[]): Promise<void> {
  for (const path of paths) ctx.write(fileDigest(path), await sha256File(path));
}

/** A key in the form that Go's TLS, kubeadm and OpenSSL all read: PKCS#8. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function understood<T>(path: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new KubexmError('PKI_BROKEN', `${path} holds no ${what} that can be read: ${asError(error).message}`, {
      hint: 'put the file back from a backup, or remove it if nothing was made with it yet',
      retryable: false,
    });
  }
}
