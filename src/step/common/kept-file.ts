import { KubexmError } from '../../errors/index.js';
import type { FileInfo, HostRunner } from '../../runner/index.js';
import { sh } from '../../runner/index.js';
import { Secret } from '../../secrets/index.js';
import type { StepContext } from '../context.js';

/** Larger files are not held in memory for a rollback. */
const keptBytes = 1024 * 1024;

/** What stood at a path before a step changed it; undefined: nothing. The text is a Secret, since it may hold one. */
export interface KeptFile {
  readonly info: FileInfo;
  readonly text?: Secret;
}

/** Remembers a file, so that `putBack` can restore it. */
export async function keepFile({ host, signal }: StepContext, info: FileInfo): Promise<KeptFile> {
  if (info.type !== 'file' || info.size > keptBytes) return { info };
  const text = await host.readFile(info.path, { signal });
  // Bytes that are no text come back changed, so they are not kept.
  return text === undefined || text.includes('\uFFFD') ? { info } : { info, text: new Secret(text) };
}

/** Brings a path back to what it was: removes what the step made, or restores what it replaced. Throws where it cannot. */
export async function putBack(host: HostRunner, path: string, kept: KeptFile | undefined): Promise<void> {
  if (!kept) return host.remove(path);
  const { info, text } = kept;
  if (info.type === 'symlink' && info.linkTarget !== undefined) {
    await host.run(sh`ln -sfn ${info.linkTarget} ${path}`);
    return;
  }
  if (!text) {
    throw new KubexmError(
      'COMMAND_FAILED',
      `${host.name}: what ${path} held before was not kept, so it stays as it is`,
      {
        retryable: false,
      },
    );
  }
  await host.writeFile(path, text, { mode: info.mode, owner: `${info.owner}:${info.group}` });
}
