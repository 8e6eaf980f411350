import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { KubexmError } from '../errors/index.js';
import { isDiskFull } from './failures.js';
import { quote } from './shell.js';
import type { CommandResult } from './types.js';

export interface PlaceOptions {
  readonly path: string;
  readonly mode: number;
  /** Undefined leaves it to the user who writes. */
  readonly owner: string | undefined;
  /** Checked before the file appears. */
  readonly sha256?: string;
  /** Written to the disk before the file appears. */
  readonly sync: boolean;
}

const checksumDiffers = 75;

/**
 * A script that puts its stdin into place: a temporary file in the same directory, then a rename, so that nobody sees half a file.
 * Temporary files of killed runs are removed first.
 */
export function placeScript({ path, mode, owner, sha256, sync }: PlaceOptions): string {
  const directory = posix.dirname(path);
  const prefix = `.${posix.basename(path)}.kubexm-`;
  return [
    `d=${quote(directory)}; f=${quote(path)}; n="$d"/${quote(prefix + randomBytes(4).toString('hex'))}`,
    'umask 077',
    '[ -d "$d" ] || (umask 022; mkdir -p -- "$d") || exit',
    `rm -f -- "$d"/${quote(prefix)}*`,
    `trap 'rm -f -- "$n"' EXIT`,
    `cat > "$n" || { df -Pk -- "$d" | awk 'END { print "kubexm-free " $4 }' >&2; exit 74; }`,
    ...(sha256 === undefined
      ? []
      : [
          `h=$(sha256sum < "$n") || exit`,
          `[ "\${h%% *}" = ${quote(sha256)} ] || { echo "\${h%% *}"; exit ${checksumDiffers}; }`,
        ]),
    `chmod ${mode.toString(8)} "$n" || exit`,
    ...(owner === undefined ? [] : [`chown ${quote(owner)} "$n" || exit`]),
    ...(sync ? ['sync -- "$n" || exit'] : []),
    'mv -fT -- "$n" "$f"',
  ].join('\n');
}

/** Why the file is not in place; undefined where it is. */
export function placeFailure(
  host: string,
  { path, sha256 }: PlaceOptions,
  result: CommandResult,
): KubexmError | undefined {
  if (result.exitCode === 0) return undefined;
  const details = result.stderr.trim().split('\n').slice(-10);
  if (isDiskFull(result)) {
    const free = /kubexm-free (\d+)/.exec(result.stderr)?.[1];
    const left = free === undefined ? '' : ` (${Math.floor(Number(free) / 1024)} MiB free)`;
    return new KubexmError('HOST_DISK_FULL', `no space left on ${host} for ${path}${left}`, {
      hint: `make room on ${host}: df -h ${posix.dirname(path)}`,
      details: details.filter((line) => !line.startsWith('kubexm-free')),
    });
  }
  if (result.exitCode === checksumDiffers) {
    return new KubexmError('TRANSFER_FAILED', `the copy of ${path} on ${host} has another checksum than its source`, {
      hint: 'was the source changed while it was being uploaded?',
      details: [`expected ${sha256 ?? ''}`, `on the host ${result.stdout.trim()}`],
    });
  }
  return new KubexmError('COMMAND_FAILED', `cannot write ${path} on ${host} (exit code ${result.exitCode})`, {
    details,
  });
}
