import { defineStep, needed } from '../define.js';
import { fileDigest } from './digest.js';
import type { GenerateKubeconfig } from './params.js';

export const generateKubeconfig = defineStep({
  kind: 'pki.kubeconfig',
  title: (p: GenerateKubeconfig) => `Write the kubeconfig ${p.path}`,
  writes: (p) => [p.path].map((path) => fileDigest(path).$output),
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
