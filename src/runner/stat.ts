import { KubexmError } from '../errors/index.js';
import { quote } from './shell.js';
import type { CommandResult, FileInfo } from './types.js';

/** More would not go into the persistent shell. */
const maxArguments = 8000;

/**
 * A script that tells of any number of paths, with the stdin it needs. Records are NUL-terminated fields: `s` mode size user group
 * mtime name; `l` name target; `h` sha256 name. Names may hold anything.
 */
export function statScript(paths: readonly string[], withSha256: boolean): { script: string; stdin: string } {
  const stat = `stat --printf='s\\0%f\\0%s\\0%U\\0%G\\0%.9Y\\0%n\\0' -- "$@"; r=$?`;
  const links = `for p; do if [ -L "$p" ]; then printf 'l\\0%s\\0' "$p"; readlink -z -- "$p" || exit 3; fi; done`;
  const digests =
    `for p; do if [ -f "$p" ] && [ ! -L "$p" ]; then h=$(sha256sum < "$p") || exit 3; ` +
    `printf 'h\\0%s\\0%s\\0' "\${h%% *}" "$p"; fi; done`;
  const body = [stat, links, ...(withSha256 ? [digests] : []), 'exit $r'].join('\n');
  const words = paths.map(quote).join(' ');
  if (words.length <= maxArguments) return { script: `set -- ${words}\n${body}`, stdin: '' };
  return { script: `xargs -0 sh -c ${quote(body)} kubexm`, stdin: `${paths.join('\0')}\0` };
}

/**
 * What the script said of `paths`, each of which is named once. A path counts as missing only where stat said "No such file or directory"; anything else that is not known
 * throws.
 */
export function parseStat(host: string, paths: readonly string[], result: CommandResult): Map<string, FileInfo> {
  const found = new Map<string, FileInfo>();
  const fields = result.stdout.split('\0');
  const next = (): string => fields.shift() ?? '';
  while (fields.length > 1) {
    const kind = next();
    if (kind === 's') {
      const info = fileInfo(next(), next(), next(), next(), next(), next());
      found.set(info.path, info);
    } else if (kind === 'l') addTo(found, next(), { linkTarget: next() });
    else if (kind === 'h') {
      const sha256 = next();
      addTo(found, next(), { sha256 });
    } else throw notUnderstood(host, paths, result);
  }
  const missing = paths.filter((path) => !found.has(path)).length;
  const complaints = result.stderr.split('\n').filter((line) => line.startsWith('stat: '));
  const absent = complaints.filter((line) => line.endsWith(': No such file or directory'));
  if (complaints.length !== absent.length || absent.length !== missing) throw notUnderstood(host, paths, result);
  // xargs has its own exit code for failing commands; a digest that could not be made is 3.
  if (result.exitCode !== 0 && (absent.length === 0 || result.exitCode === 3)) throw notUnderstood(host, paths, result);
  return found;
}

function fileInfo(mode: string, size: string, owner: string, group: string, mtime: string, path: string): FileInfo {
  const bits = Number.parseInt(mode, 16);
  return { path, type: typeOf(bits), size: Number(size), mode: bits & 0o7777, owner, group, mtime: Number(mtime) };
}

function typeOf(bits: number): FileInfo['type'] {
  switch (bits & 0o170000) {
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'symlink';
    default:
      return 'other';
  }
}

function addTo(found: Map<string, FileInfo>, path: string, more: Partial<FileInfo>): void {
  const info = found.get(path);
  if (info) found.set(path, { ...info, ...more });
}

function notUnderstood(host: string, paths: readonly string[], { exitCode, stderr }: CommandResult): KubexmError {
  const what = paths.length === 1 ? (paths[0] ?? '') : `${paths.length} paths`;
  return new KubexmError('COMMAND_FAILED', `cannot tell the state of ${what} on ${host} (exit code ${exitCode})`, {
    details: stderr.trim().split('\n').slice(-10),
  });
}
