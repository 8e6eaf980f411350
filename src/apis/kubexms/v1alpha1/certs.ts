import * as z from 'zod';
import { text } from './formats.js';
import type { PathExpander } from './paths.js';
import type { Certs } from './types.js';

const ownCa = z
  .strictObject({
    certFile: z.string().min(1).describe('Certificate of the CA, PEM, on the control machine.'),
    keyFile: z.string().min(1).describe('Its private key, PEM: RSA or ECDSA.'),
  })
  .optional();

const autoRenew = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('A timer on control planes and etcd members renews their certificates, one host at a time.'),
  withinDays: z.int().min(7).max(180).default(30).describe('Renew those with no more days left; they last 365.'),
  schedule: text(
    /^[A-Za-z0-9][A-Za-z0-9 *,.:/~+-]*$/,
    'a calendar expression of systemd such as "weekly" or "Sun *-*-* 03:00:00"',
  )
    .default('weekly')
    .describe('When the hosts look: a systemd calendar expression; more often than `withinDays`.'),
});

export const certsSchema = z.strictObject({
  ca: ownCa.describe('A CA of your own for the cluster. Default: kubexm makes one. Taken when the cluster is made.'),
  frontProxyCa: ownCa.describe('The same for the front proxy, through which aggregated APIs are reached.'),
  etcdCa: ownCa.describe('The same for etcd.'),
  autoRenew: autoRenew.prefault({}).describe('Certificates that hosts renew by themselves.'),
});

type CertsInput = z.output<typeof certsSchema>;

export function resolveCerts(certs: CertsInput, expandPath: PathExpander): Certs {
  const located = (ca: CertsInput['ca']) =>
    ca === undefined ? undefined : { certFile: expandPath(ca.certFile), keyFile: expandPath(ca.keyFile) };
  const [ca, frontProxyCa, etcdCa] = [certs.ca, certs.frontProxyCa, certs.etcdCa].map(located);
  return {
    autoRenew: certs.autoRenew,
    ...(ca === undefined ? {} : { ca }),
    ...(frontProxyCa === undefined ? {} : { frontProxyCa }),
    ...(etcdCa === undefined ? {} : { etcdCa }),
  };
}
