import { type HostFacts, type HostRunner, script, sh } from '../../runner/index.js';
import type { Finding } from './findings.js';

/**
 * Bytes that will be needed below a directory, until all the paths of `until` exist: what then is there needs no more room.
 * `holds`: the files and directories that kubexm fills, which tell how much of it is there already.
 */
export interface DiskNeed {
  readonly path: string;
  readonly bytes: number;
  readonly until: readonly string[];
  readonly holds: readonly string[];
}

interface Asking {
  readonly host: HostRunner;
  readonly signal: AbortSignal;
}

/**
 * Whether every file system has room for all that is planned on it. What is there already is looked for only where there is
 * not room for everything: a second run on a host that has filled up since must not ask for the first one's room again.
 */
export async function diskFindings(ctx: Asking, facts: HostFacts, needs: readonly DiskNeed[]): Promise<Finding[]> {
  const unread = needs
    .filter(({ path }) => facts.freeBytes[path] === undefined)
    .map(({ path }): Finding => ({ severity: 'warning', message: `the free space of ${path} could not be read` }));
  if (shortages(facts, needs).length === 0) return unread;
  return [...unread, ...shortages(facts, await stillMissing(ctx, needs)).map(finding)];
}

interface Shortage {
  readonly free: number;
  readonly needs: readonly { readonly path: string; readonly bytes: number }[];
}

/** The file systems that have less room than all their directories need together. */
function shortages(facts: HostFacts, needs: Shortage['needs']): Shortage[] {
  const byFileSystem = new Map<string, { free: number; needs: { path: string; bytes: number }[] }>();
  for (const { path, bytes } of needs) {
    const free = facts.freeBytes[path];
    if (free === undefined || bytes <= 0) continue;
    // Where a host does not tell its file systems apart, each directory counts for itself.
    const key = facts.fileSystems[path] ?? path;
    const known = byFileSystem.get(key) ?? { free, needs: [] };
    known.free = Math.min(known.free, free);
    known.needs.push({ path, bytes });
    byFileSystem.set(key, known);
  }
  return [...byFileSystem.values()].filter((each) => each.free < sum(each.needs));
}

async function stillMissing({ host, signal }: Asking, needs: readonly DiskNeed[]): Promise<Shortage['needs']> {
  const found = await host.statMany([...new Set(needs.flatMap(({ until }) => until))], { signal });
  const open = needs.filter(({ until }) => !until.every((path) => found.has(path)));
  if (open.length === 0) return [];
  // A directory of images may hold a million files: what cannot be counted in time does not count.
  const sizes = open.map(({ holds }) => sh`echo "$(timeout 60 du -sxkc -- ${holds} 2>/dev/null | tail -n 1)"`.text);
  const { stdout } = await host.run(script(sizes.join('\n')), { signal, long: true });
  // `1234 total` in KiB; an empty line where it could not be told.
  const kib = stdout.split('\n').map((line) => Number.parseInt(line, 10));
  return open.map(({ path, bytes }, index) => ({ path, bytes: bytes - 1024 * (kib[index] || 0) }));
}

function finding({ free, needs }: Shortage): Finding {
  const [only] = needs;
  const paths = needs.map(({ path }) => path).join(', ');
  return {
    severity: 'error',
    message:
      only !== undefined && needs.length === 1
        ? `${mib(free)} MiB free for ${only.path}, ${mib(only.bytes)} are needed`
        : `${mib(free)} MiB free on the file system of ${paths}; ${mib(sum(needs))} are needed: ${needs.map(({ path, bytes }) => `${path} ${mib(bytes)}`).join(', ')}`,
    fix: `make room on the file system of ${only?.path ?? '/'}`,
  };
}

function sum(needs: Shortage['needs']): number {
  return needs.reduce((bytes, need) => bytes + need.bytes, 0);
}

function mib(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}
