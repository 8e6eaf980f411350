import { defineStep, needed } from '../define.js';
import { fileDigest } from './digest.js';
import type { GenerateToken } from './params.js';

export const generateToken = defineStep({
  kind: 'pki.token',
  title: (p: GenerateToken) => `Make the bootstrap token ${p.path}`,
  writes: (p) => [p.path].map((path) => fileDigest(path).$output),
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
