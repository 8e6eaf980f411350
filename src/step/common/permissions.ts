import { CONTROL_NODE } from '../../plan/index.js';
import { allOf, type FileInfo, type HostRunner, type ShellCommand, sh } from '../../runner/index.js';

interface Permissions {
  readonly mode: number;
  /** `user` or `user:group`. */
  readonly owner: string | undefined;
}

/** How a file's mode or owner differs from what is wanted, in words; undefined where it does not. */
export function permissionsDiffer(host: HostRunner, found: FileInfo, { mode, owner }: Permissions): string | undefined {
  if (found.mode !== mode) return `mode is ${octal(found.mode)}, not ${octal(mode)}`;
  // On the control machine files belong to whoever runs kubexm.
  if (owner === undefined && host.name === CONTROL_NODE) return undefined;
  const [user = 'root', group] = (owner ?? 'root:root').split(':');
  if (found.owner === user && (group === undefined || found.group === group)) return undefined;
  return `owner is ${found.owner}:${found.group}, not ${owner ?? 'root:root'}`;
}

/** Sets mode and owner and leaves the content alone. */
export function setPermissions(host: HostRunner, path: string, { mode, owner }: Permissions): ShellCommand {
  const chmod = sh`chmod ${octal(mode)} ${path}`;
  if (owner === undefined && host.name === CONTROL_NODE) return chmod;
  // chown may clear setuid bits, so chmod comes last.
  return allOf(sh`chown ${owner ?? 'root:root'} ${path}`, chmod);
}

/** `0644`. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
