import { defineStep, needed } from '../define.js';
import { fileDigest } from './digest.js';
import type { GenerateCaCert } from './params.js';

export const generateCACert = defineStep({
  kind: 'pki.ca',
  title: (p: GenerateCaCert) => `Make the CA ${p.subject.commonName}`,
  writes: (p) => [p.files.cert, p.files.key].map((path) => fileDigest(path).$output),
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
