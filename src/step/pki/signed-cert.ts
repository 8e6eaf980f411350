import { defineStep, needed } from '../define.js';
import { fileDigest } from './digest.js';
import type { GenerateSignedCert } from './params.js';

export const generateSignedCert = defineStep({
  kind: 'pki.certificate',
  title: (p: GenerateSignedCert) => `Make the certificate ${p.subject.commonName}`,
  writes: (p) => [p.files.cert, p.files.key].map((path) => fileDigest(path).$output),
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
