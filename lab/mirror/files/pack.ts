import { existsSync } from 'node:fs';
import { appendFile, link, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { KubexmError, unreachable } from '../../../src/errors/index.js';
import { mustRun } from '../../hosts/command.js';
import { checksumText, sha256OfFile } from './checksums.js';
import type { ReleaseFile } from './releases.js';

/** Writes one release file and its checksum below `filesDirectory`. `programsDirectory` holds the component's programs. */
export async function packRelease(file: ReleaseFile, programsDirectory: string, filesDirectory: string): Promise<void> {
  const target = join(filesDirectory, file.path);
  await mkdir(dirname(target), { recursive: true });
  switch (file.content.type) {
    case 'program':
      await link(join(programsDirectory, file.content.program), target);
      break;
    case 'archive':
      await packArchive(file.content.programs, file.content.prefix, programsDirectory, target);
      break;
    default:
      return unreachable(file.content);
  }
  const checksum = checksumText(file.checksum.style, await sha256OfFile(target), basename(file.path));
  await appendFile(join(filesDirectory, file.checksum.path), checksum);
}

/** Same programs, same bytes: fixed order, owner and time, no name and time in the gzip header. */
async function packArchive(
  programs: readonly string[],
  prefix: string,
  programsDirectory: string,
  target: string,
): Promise<void> {
  const fixed = ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=0755'];
  const rename = prefix === '' ? [] : ['--transform', `flags=r;s,^,${prefix},`];
  const compressed = ['--use-compress-program', 'gzip -n -6'];
  await mustRun(['tar', ...compressed, ...fixed, ...rename, '-cf', target, '-C', programsDirectory, ...programs]);
}

/** The crictl that the mirror publishes: the user's own where KUBEXM_LAB_CRICTL names one. */
export function ownCrictl(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const path = environment.KUBEXM_LAB_CRICTL;
  if (!path) return undefined;
  if (!existsSync(path)) {
    throw new KubexmError('FILE_MISSING', `KUBEXM_LAB_CRICTL names ${path}, which is not there`, {
      hint: 'name the binary of crictl, or unset the variable to use the stand-in',
      retryable: false,
    });
  }
  return path;
}
