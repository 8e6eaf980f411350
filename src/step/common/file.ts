import { defineStep, needed } from '../define.js';
import type { RenderTemplate, UploadFile, WriteFile } from './params.js';

export const uploadFile = defineStep({
  kind: 'file.upload',
  title: (p: UploadFile) => `Upload ${p.target}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const renderTemplate = defineStep({
  kind: 'file.template',
  title: (p: RenderTemplate) => `Write ${p.target}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const writeFile = defineStep({
  kind: 'file.write',
  title: (p: WriteFile) => `Write ${p.target}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
