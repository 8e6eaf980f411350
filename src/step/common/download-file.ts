import { defineStep, needed } from '../define.js';
import type { DownloadFile } from './download-file-params.js';

export const downloadFile = defineStep({
  kind: 'file.download',
  title: (p: DownloadFile) => `Download ${p.target}`,
  writes: (p) => (p.sha256 ? [p.sha256.$output] : []),
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
