import * as z from 'zod';
import type { PathExpander } from './paths.js';
import type { Certs } from './types.js';

const ownCa = z
  .strictObject({
    certFile: z.string().min(1).describe('Certificate of the CA, PEM, on the control machine.'),
    keyFile: z.string().min(1).describe('Its private key, PEM: RSA or ECDSA.'),
  })
  .optional();

export const certsSchema = z.strictObject({
  ca: ownCa.describe('A CA of your own for the cluster. Default: kubexm makes one. Taken when the cluster is made.'),
  frontProxyCa: ownCa.describe('The same for the front proxy, through which aggregated APIs are reached.'),
  etcdCa: ownCa.describe('The same for etcd.'),
});

type CertsInput = z.output<typeof certsSchema>;

export function resolveCerts(certs: CertsInput, expandPath: PathExpander): Certs {
  const located = (ca: CertsInput['ca']) =>
    ca === undefined ? undefined : { certFile: expandPath(ca.certFile), keyFile: expandPath(ca.keyFile) };
  const [ca, frontProxyCa, etcdCa] = [certs.ca, certs.frontProxyCa, certs.etcdCa].map(located);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(frontProxyCa === undefined ? {} : { frontProxyCa }),
    ...(etcdCa === undefined ? {} : { etcdCa }),
  };
}
