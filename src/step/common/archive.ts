import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { hostMarks } from '../../common/host-marks.js';
import { KubexmError } from '../../errors/index.js';
import { diskFull, type FileInfo } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { extractScript } from './archive-script.js';
import { lateText } from './late-text.js';
import type { ExtractArchive } from './params.js';
import { octal } from './permissions.js';

/** What lies on a host beside the extracted files: which archive they came from, and what they were. */
interface Extracted {
  /** Digest of the archive. */
  readonly archive: string;
  readonly members: readonly Member[];
}

interface Member {
  readonly path: string;
  readonly mode: string;
  /** Of files. */
  readonly sha256?: string;
  /** Of symlinks. */
  readonly linkTarget?: string;
}

/**
 * Extracts an archive that lies on the host. A record beside it says from which archive the files came and what they
 * were; they are extracted again when the archive is another one or any of them is not as it was.
 */
export const extractArchive = defineStep({
  kind: 'archive.extract',
  title: (p: ExtractArchive) => `Extract ${posix.basename(p.archive)} to ${p.into}`,
  policy: { timeoutMs: 600_000 },
  async precheck(ctx, p) {
    const { host, signal } = ctx;
    const text = await host.readFile(recordPath(p), { signal });
    const record = text === undefined ? undefined : parseRecord(text);
    if (!record) return needed('not extracted yet');
    if (record.archive !== lateText(ctx, p.sha256)) return needed('extracted from another archive');
    const found = await host.statMany(
      record.members.map((member) => member.path),
      { sha256: true, signal },
    );
    const changed = record.members.find((member) => !isAsRecorded(member, found.get(member.path)));
    if (changed) return needed(`${changed.path} is ${found.has(changed.path) ? 'changed' : 'missing'}`);
    return satisfied(`all ${record.members.length} members are as they were extracted`);
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    const archive = lateText(ctx, p.sha256);
    const result = await host.tryRun(extractScript(p, archive, recordKey(p)), { signal, long: true });
    if (result.exitCode !== 0) throw extractFailed(ctx, p, archive, result);
    const paths = result.stdout.split('\n').filter((line) => line !== '');
    if (paths.length === 0) throw new KubexmError('FILE_MISSING', `${host.name}: ${p.archive} holds no files`);
    const found = await host.statMany(paths, { sha256: true, signal });
    const members = paths.map((path) => memberOf(ctx, path, found.get(path)));
    await host.writeFile(recordPath(p), `${JSON.stringify({ archive, members } satisfies Extracted)}\n`, { signal });
  },
});

/** The same archive to the same place with the same choice of members is one extraction. */
function recordKey({ archive, into, strip, members }: ExtractArchive): string {
  const identity = JSON.stringify([archive, into, strip ?? 0, members ?? []]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 16);
}

function recordPath(p: ExtractArchive): string {
  return `${hostMarks.extracted}/${recordKey(p)}.json`;
}

/** A record that cannot be read proves nothing: what it stands for is extracted again. */
function parseRecord(text: string): Extracted | undefined {
  try {
    const { archive, members } = JSON.parse(text) as Partial<Extracted>;
    return typeof archive === 'string' && Array.isArray(members) ? { archive, members } : undefined;
  } catch {
    return undefined;
  }
}

function isAsRecorded({ sha256, linkTarget, mode }: Member, found: FileInfo | undefined): boolean {
  if (!found) return false;
  if (linkTarget !== undefined) return found.linkTarget === linkTarget;
  return found.sha256 === sha256 && octal(found.mode) === mode;
}

function memberOf({ host }: StepContext, path: string, found: FileInfo | undefined): Member {
  if (!found) throw new KubexmError('FILE_MISSING', `${host.name}: ${path} vanished while it was extracted`);
  const { sha256, linkTarget } = found;
  return {
    path,
    mode: octal(found.mode),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(linkTarget === undefined ? {} : { linkTarget }),
  };
}

function extractFailed(
  { host }: StepContext,
  { archive, into, members }: ExtractArchive,
  sha256: string,
  { exitCode, stderr }: { readonly exitCode: number; readonly stderr: string },
): KubexmError {
  const details = stderr.trim().split('\n').slice(-5);
  switch (exitCode) {
    case 65:
      return new KubexmError('ARTIFACT_CHECKSUM', `${host.name}: ${archive} is not the archive that was uploaded`, {
        details: [`expected sha256 ${sha256}`, ...details],
        hint: `remove ${archive} on ${host.name} and run again: it is uploaded anew`,
      });
    case 66:
      return new KubexmError('FILE_MISSING', `${host.name}: ${archive} lacks a member that is wanted from it`, {
        details: [...details, ...(members ?? []).map((member) => `wanted: ${member.path}`)],
        retryable: false,
      });
    default:
      return (
        diskFull(host.name, stderr, [`while ${archive} was extracted into ${into}`, ...details]) ??
        new KubexmError('COMMAND_FAILED', `${host.name}: cannot extract ${archive}`, { details })
      );
  }
}
