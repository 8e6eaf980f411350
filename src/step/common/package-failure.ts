import { KubexmError } from '../../errors/index.js';
import { type CommandResult, diskFull, type PackageManager } from '../../runner/index.js';

/** What the managers print, in the C locale, and what it means. The first that matches speaks. */
const causes: readonly {
  readonly pattern: RegExp;
  readonly says: (match: RegExpExecArray) => string;
  readonly hint: string;
  readonly retryable: boolean;
}[] = [
  {
    pattern: /dpkg was interrupted/,
    says: () => 'an earlier installation was interrupted',
    hint: 'on the host: dpkg --configure -a',
    retryable: false,
  },
  {
    pattern:
      /(?:NO_PUBKEY|EXPKEYSIG|The following signatures couldn't be verified|is not signed|GPG check FAILED|Signature verification failed).*/,
    says: ([text]) => `a repository's signature cannot be verified (${text})`,
    hint: 'install the key of that repository on the host',
    retryable: false,
  },
  {
    pattern:
      /(?:Temporary failure resolving|Could not resolve|Could not connect to|Unable to connect to|Connection failed|Network is unreachable|Connection timed out|Curl error \(\d+\)|Timeout exceeded when accessing|Cannot prepare internal mirrorlist|Failed to download metadata|Cannot download repomd|Cannot find a valid baseurl).*/,
    says: ([text]) => `its package repositories cannot be reached (${text})`,
    hint: "check the host's network, name resolution, proxy and package sources",
    retryable: true,
  },
  {
    pattern: /(?:404 {2}?Not Found|Status code: 404|does not have a Release file|HTTP response: 404).*/,
    says: ([text]) => `a package repository does not have what it should (${text})`,
    hint: 'correct or remove that repository in the package sources of the host',
    retryable: true,
  },
  {
    pattern:
      /Unable to locate package (\S+)|Package '?(\S+?)'? has no installation candidate|Version '[^']*' for '(\S+?)' was not found|No match for argument: (\S+)|No package (\S+) available|No provider of '([^']+)' found|package '([^']+)' not found/i,
    says: (match) => `no repository offers the package ${match.slice(1).find((name) => name !== undefined) ?? ''}`,
    hint: 'check the name and version, and that the right repository is configured on the host',
    retryable: false,
  },
  {
    pattern:
      /Could not get lock|Unable to lock|Unable to acquire the dpkg frontend lock|is locked by|holding the (?:yum|dnf) lock/,
    says: () => 'another package manager holds the lock',
    hint: 'wait for it to end, or look what it is doing: ps -e | grep -E "apt|dpkg|dnf|yum|zypper"',
    retryable: true,
  },
];

/** The error of a failed package manager, which says what is wrong with the repositories or the host. */
export function packageFailure(
  hostName: string,
  manager: PackageManager,
  { stdout, stderr, exitCode }: CommandResult,
): KubexmError {
  const output = `${stderr}\n${stdout}`;
  const details = output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 10);
  const full = diskFull(hostName, output, details);
  if (full) return full;
  for (const { pattern, says, hint, retryable } of causes) {
    const match = pattern.exec(output);
    if (match) return new KubexmError('PACKAGES_FAILED', `${hostName}: ${says(match)}`, { hint, retryable, details });
  }
  return new KubexmError('PACKAGES_FAILED', `${hostName}: ${manager} failed with exit code ${exitCode}`, { details });
}

/** Whether fresh package lists may cure it: the lists name files that the repository has replaced, or lack the package. */
export function mayBeStaleLists({ message }: KubexmError): boolean {
  return /no repository offers|does not have what it should/.test(message);
}
