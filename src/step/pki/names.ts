import type { X509Certificate } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { KubexmError } from '../../errors/index.js';
import type { GenerateSignedCert, Subject } from './params.js';

/** Object identifiers of extended key usages (RFC 5280, 4.2.1.12). */
export const usageIds = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/** One spelling for every address: `0:0::1` and `::1` are the same. Throws on what is no address. */
export function canonicalIp(address: string): string {
  if (isIP(address) === 0) {
    throw new KubexmError('INTERNAL', `'${address}' is no IP address: it belongs to the DNS names of the certificate`, {
      retryable: false,
    });
  }
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

/** `DNS:localhost`, `IP:127.0.0.1`, ...: as a certificate should have them. */
export function wantedSans({ dns = [], ips = [] }: NonNullable<GenerateSignedCert['sans']> = {}): ReadonlySet<string> {
  return new Set([...dns.map((name) => `DNS:${name}`), ...ips.map((ip) => `IP:${canonicalIp(ip)}`)]);
}

/** The same of a certificate that exists. */
export function sansOf({ subjectAltName }: X509Certificate): ReadonlySet<string> {
  const names = subjectAltName?.split(', ') ?? [];
  return new Set(
    names.map((name) => {
      const ip = /^IP Address:(.*)$/.exec(name)?.[1];
      return ip === undefined ? name : `IP:${canonicalIp(ip)}`;
    }),
  );
}

/** The subject in one line, for comparing and for messages: `O=system:masters, CN=admin`. */
export function subjectText({ commonName, organizations = [] }: Subject): string {
  return [...[...organizations].sort().map((name) => `O=${name}`), `CN=${commonName}`].join(', ');
}

/** The same of a certificate that exists; attributes that kubexm never writes are part of it. */
export function subjectTextOf(certificate: X509Certificate): string {
  const attributes = Object.entries(certificate.toLegacyObject().subject ?? {}).flatMap(([type, value]) =>
    [value].flat().map((each) => `${type}=${String(each)}`),
  );
  const rest = attributes.filter((attribute) => !attribute.startsWith('CN='));
  return [...rest.sort(), ...attributes.filter((attribute) => attribute.startsWith('CN='))].join(', ');
}
