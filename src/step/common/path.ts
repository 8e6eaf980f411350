import { defineStep, needed } from '../define.js';
import type { FileChecksum, MakeDirectory, RemoveFile } from './params.js';

export const fileChecksum = defineStep({
  kind: 'file.checksum',
  title: (p: FileChecksum) => `Checksum of ${p.path}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const removeFile = defineStep({
  kind: 'file.remove',
  title: (p: RemoveFile) => `Remove ${p.path}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const makeDirectory = defineStep({
  kind: 'file.directory',
  title: (p: MakeDirectory) => `Make the directory ${p.path}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
