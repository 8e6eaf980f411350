import {
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  webcrypto,
  type X509Certificate,
} from 'node:crypto';
import { promisify } from 'node:util';
import { KubexmError } from '../../errors/index.js';
import { canonicalIp, usageIds } from './names.js';
import type { GenerateSignedCert, Subject } from './params.js';

const dayMs = 86_400_000;
/** A host's clock may be a little behind this machine's. */
const backdatedMs = 5 * 60_000;

/** ECDSA P-256. */
export async function newEcKey(): Promise<KeyObject> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return privateKey;
}

/** A self-signed CA certificate, PEM. */
export async function issueCa({
  key,
  subject,
  validDays,
}: {
  readonly key: KeyObject;
  readonly subject: Subject;
  readonly validDays: number;
}): Promise<string> {
  const x509 = await library();
  const { publicKey, privateKey, signingAlgorithm } = await webKeys(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: nameOf(subject),
    ...validity(validDays),
    signingAlgorithm,
    keys: { publicKey, privateKey },
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

/**
 * A CA's name and key under the signature of another CA, PEM: who trusts that one only is led from it to what this one has
 * signed (RFC 5280, 3.2: a cross-certificate). It ends with the first of the two.
 */
export async function issueCross({
  certificate,
  ca,
}: {
  readonly certificate: X509Certificate;
  readonly ca: { readonly certificate: X509Certificate; readonly key: KeyObject };
}): Promise<string> {
  const x509 = await library();
  const signer = await webKeys(ca.key);
  const [own, issuer] = [new x509.X509Certificate(certificate.raw), new x509.X509Certificate(ca.certificate.raw)];
  const issuerId = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  const ownId = own.getExtension(x509.SubjectKeyIdentifierExtension);
  const crossed = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: own.subjectName,
    issuer: issuer.subjectName,
    notBefore: own.notBefore,
    notAfter: own.notAfter < issuer.notAfter ? own.notAfter : issuer.notAfter,
    signingAlgorithm: signer.signingAlgorithm,
    signingKey: signer.privateKey,
    publicKey: own.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ...(ownId === null ? [] : [new x509.SubjectKeyIdentifierExtension(ownId.keyId)]),
      issuerId === undefined
        ? await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
        : new x509.AuthorityKeyIdentifierExtension(issuerId),
    ],
  });
  return `${crossed.toString('pem')}\n`;
}

/** A certificate signed by a CA, PEM; it ends with the CA at the latest. */
export async function issueSigned({
  key,
  ca,
  subject,
  usages,
  sans,
  validDays,
}: Pick<GenerateSignedCert, 'subject' | 'usages' | 'sans'> & {
  readonly key: KeyObject;
  readonly ca: { readonly certificate: X509Certificate; readonly key: KeyObject };
  readonly validDays: number;
}): Promise<string> {
  const x509 = await library();
  const { publicKey } = await webKeys(key);
  const signer = await webKeys(ca.key);
  const issuer = new x509.X509Certificate(ca.certificate.raw);
  const issuerId = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  const { notBefore, notAfter } = validity(validDays);
  const names = namesOf(sans);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: nameOf(subject),
    issuer: issuer.subjectName,
    notBefore,
    notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter,
    signingAlgorithm: signer.signingAlgorithm,
    signingKey: signer.privateKey,
    publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages.map((usage) => usageIds[usage])),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      // The CA may be the user's own, with an identifier made in another way than ours: name the one it has.
      issuerId === undefined
        ? await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
        : new x509.AuthorityKeyIdentifierExtension(issuerId),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

/** A request for a certificate (PKCS #10), PEM, with the names and usages that it is to have. */
export async function issueRequest({
  key,
  subject,
  usages,
  sans,
}: Pick<GenerateSignedCert, 'subject' | 'usages'> & {
  readonly key: KeyObject;
  readonly sans: GenerateSignedCert['sans'] | undefined;
}): Promise<string> {
  const x509 = await library();
  const { publicKey, privateKey, signingAlgorithm } = await webKeys(key);
  const names = namesOf(sans);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: nameOf(subject),
    keys: { publicKey, privateKey },
    signingAlgorithm,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages.map((usage) => usageIds[usage])),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return `${request.toString('pem')}\n`;
}

/** Loaded when a certificate is made: looking at existing ones needs only node's own crypto. */
async function library() {
  // Its dependency injection needs this polyfill to be there before it is loaded.
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

async function webKeys(key: KeyObject) {
  const { algorithm, signingAlgorithm } = algorithmsOf(key);
  const { subtle } = webcrypto;
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    signingAlgorithm,
    privateKey: await subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), algorithm, false, [
      'sign',
    ]),
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
  };
}

/** Throws PKI_BROKEN for a key that nothing here can sign with. */
export function requireSigningKey(key: KeyObject): void {
  algorithmsOf(key);
}

/** kubexm's own keys are P-256; a CA that the user brings may have another one. */
function algorithmsOf(key: KeyObject) {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa') {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    return { algorithm, signingAlgorithm: algorithm };
  }
  const curve = type === 'ec' ? curves[details?.namedCurve ?? ''] : undefined;
  if (!curve) {
    throw new KubexmError('PKI_BROKEN', `a CA's key must be RSA or ECDSA (P-256, P-384, P-521), not ${type}`, {
      retryable: false,
    });
  }
  return {
    algorithm: { name: 'ECDSA', namedCurve: curve.name },
    signingAlgorithm: { name: 'ECDSA', hash: curve.hash },
  };
}

/** By OpenSSL's names. */
const curves: Readonly<Record<string, { readonly name: string; readonly hash: string }>> = {
  prime256v1: { name: 'P-256', hash: 'SHA-256' },
  secp384r1: { name: 'P-384', hash: 'SHA-384' },
  secp521r1: { name: 'P-521', hash: 'SHA-512' },
};

/** As attributes and not as text, so that no character of a name is read as syntax. One O a SET, as Go writes them. */
function nameOf({ commonName, organizations = [] }: Subject) {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
}

function namesOf(sans: GenerateSignedCert['sans']) {
  return [
    ...(sans?.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(sans?.ips ?? []).map((value) => ({ type: 'ip' as const, value: canonicalIp(value) })),
  ];
}

/** Whole seconds, as certificates hold them. */
function validity(days: number) {
  const now = Math.floor(Date.now() / 1000) * 1000;
  return { notBefore: new Date(now - backdatedMs), notAfter: new Date(now + days * dayMs) };
}

/** 127 random bits, positive. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString('hex');
}
