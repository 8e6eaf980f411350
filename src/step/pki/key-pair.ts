import { defineStep, needed } from '../define.js';
import { fileDigest } from './digest.js';
import type { GenerateKeyPair } from './params.js';

export const generateKeyPair = defineStep({
  kind: 'pki.key-pair',
  title: (p: GenerateKeyPair) => `Make the key pair ${p.privateKey}`,
  writes: (p) => [p.privateKey, p.publicKey].map((path) => fileDigest(path).$output),
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
