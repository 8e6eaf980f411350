import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KubexmError } from '../../src/errors/index.js';
import { cacheDir } from '../hosts/paths.js';

/** Go's names of the two architectures that kubexm knows. */
export type Architecture = 'amd64' | 'arm64';

export function machineArchitecture(): Architecture {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new KubexmError('LAB_UNSUPPORTED', `the lab does not run on ${process.arch} machines`, {
    hint: 'use an amd64 or arm64 Linux machine',
    retryable: false,
  });
}

/** The mirror's part of the lab's cache. */
export function mirrorCacheDir(...below: string[]): string {
  return join(cacheDir(), 'mirror', ...below);
}

/** A file or directory of the package's own `lab/` folder, from the sources as well as from a bundle in dist/. */
export function labSource(...below: string[]): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'lab', 'go'))) {
    const parent = dirname(directory);
    if (parent === directory) {
      throw new KubexmError('LAB_FAILED', 'this installation of kubexm has no lab/ folder', {
        hint: 'run the lab from a full checkout of kubexm',
        retryable: false,
      });
    }
    directory = parent;
  }
  return join(directory, 'lab', ...below);
}
