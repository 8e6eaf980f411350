import { defineStep, needed } from '../define.js';
import type { ExtractArchive } from './params.js';

export const extractArchive = defineStep({
  kind: 'archive.extract',
  title: (p: ExtractArchive) => `Extract ${p.archive} to ${p.into}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
