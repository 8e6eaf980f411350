import * as z from 'zod';
import { text } from './formats.js';
import type { PathExpander } from './paths.js';
import type { Certs, OwnCaFiles } from './types.js';

const certFile = z.string().min(1).describe('Certificate of the CA, PEM, on the control machine.');
const keyFile = z.string().min(1);

const ownCa = z
  .strictObject({
    certFile,
    keyFile: keyFile
      .optional()
      .describe('Its private key, PEM: RSA or ECDSA. Without: what it signs is signed elsewhere (`kubexm certs csr`).'),
  })
  .optional();

/** Members sign for themselves whenever they come or are restored. */
const ownEtcdCa = z
  .strictObject({
    certFile,
    keyFile: keyFile.describe('Its private key, PEM: RSA or ECDSA. Needed, as members come and go.'),
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
  etcdCa: ownEtcdCa.describe('The same for etcd, with its key.'),
  autoRenew: autoRenew.prefault({}).describe('Certificates that hosts renew by themselves.'),
});

type CertsInput = z.output<typeof certsSchema>;

export function resolveCerts(certs: CertsInput, expandPath: PathExpander): Certs {
  const { ca, frontProxyCa, etcdCa, autoRenew: renewals } = certs;
  const located = (own: NonNullable<CertsInput['ca']>): OwnCaFiles => ({
    certFile: expandPath(own.certFile),
    ...(own.keyFile === undefined ? {} : { keyFile: expandPath(own.keyFile) }),
  });
  return {
    autoRenew: renewals,
    ...(ca === undefined ? {} : { ca: located(ca) }),
    ...(frontProxyCa === undefined ? {} : { frontProxyCa: located(frontProxyCa) }),
    ...(etcdCa === undefined ? {} : { etcdCa: located(etcdCa) }),
  };
}
