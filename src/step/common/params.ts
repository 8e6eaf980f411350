import type { Output } from '../../plan/index.js';
import type { PackageManager } from '../../runner/index.js';
import type { SecretRef } from '../context.js';

/** Modes are permission bits (0o644); owners are `user` or `user:group`, default root. Digests in lower-case hex. */
export interface UploadFile {
  /** Path on the control machine. */
  readonly source: string;
  /** Path on the host. */
  readonly target: string;
  /** Known at plan time, or an output of the step that fetched the file. */
  readonly sha256: string | Output<string>;
  readonly mode: number;
  readonly owner?: string;
}

export interface RenderTemplate {
  /** Name below templates/, such as `etcd/etcd.service`; a file of that name in the user's override directory wins. */
  readonly template: string;
  /** What the template may name; a variable that is missing is an error. */
  readonly data: TemplateData;
  readonly target: string;
  /** Default 0o644. */
  readonly mode?: number;
  readonly owner?: string;
}

export interface TemplateData {
  readonly [key: string]:
    | string
    | number
    | boolean
    | null
    | readonly (string | number | boolean | TemplateData)[]
    | TemplateData;
}

export interface WriteFile {
  /** Text, or parts put together: secrets and outputs are filled in at run time. */
  readonly content: string | readonly (string | SecretRef | Output<string>)[];
  readonly target: string;
  /** Default 0o644; where a secret is among the parts 0o600. */
  readonly mode?: number;
  readonly owner?: string;
}

export interface ExtractArchive {
  /** Path of a tar archive (gzip or not) on the host. */
  readonly archive: string;
  /** The archive's digest: its identity. */
  readonly sha256: string | Output<string>;
  /** Directory that the members go to. */
  readonly into: string;
  /** Leading path elements to take off, as tar's `--strip-components`. Default 0. */
  readonly strip?: number;
  /**
   * Only these members, named as they are in the archive after `strip`. `to` is their path below `into` (default: the
   * same), `mode` replaces the archive's. None or an empty list: all.
   */
  readonly members?: readonly { readonly path: string; readonly to?: string; readonly mode?: number }[];
}

export interface FileChecksum {
  readonly path: string;
  /** Where given, anything else is an error. */
  readonly sha256?: string | Output<string>;
  /** Takes the digest that was found. */
  readonly output?: Output<string>;
}

export interface RemoveFile {
  readonly path: string;
  /** For directories. Default false: a directory is then an error. */
  readonly recursive?: boolean;
}

export interface MakeDirectory {
  readonly path: string;
  /** Default 0o755. */
  readonly mode?: number;
  readonly owner?: string;
}

/**
 * A package by name, in the version that the repositories offer or in one of its own: as the manager writes it
 * (`5:28.0.1-1~debian.13~trixie`), and it may end in `*`. Names of real packages, not of what others provide.
 */
export type PackageSpec = string | { readonly name: string; readonly version: string };

/** `manager` is asked of the host where it is not given. */
export interface InstallPackage {
  readonly packages: readonly PackageSpec[];
  readonly manager?: PackageManager;
}

export interface RemovePackage {
  readonly packages: readonly string[];
  /** With their configuration files, where the manager knows the difference (apt). Default false. */
  readonly purge?: boolean;
  readonly manager?: PackageManager;
}

export interface UpdatePackageCache {
  /** Nothing needs to be refreshed while these are installed. */
  readonly packages?: readonly PackageSpec[];
  /** Older than this is stale, in seconds. Default one day. Sources that changed since are always stale. */
  readonly maxAgeSeconds?: number;
  readonly manager?: PackageManager;
}

export interface Modprobe {
  readonly modules: readonly string[];
  /** Also loaded at boot, through this file, which is kubexm's own. Default /etc/modules-load.d/kubexm.conf. */
  readonly file?: string;
}

export interface Sysctl {
  readonly values: { readonly [key: string]: string | number };
  /** Kept in this file, which is kubexm's own. Default /etc/sysctl.d/99-kubexm.conf. */
  readonly file?: string;
}

export interface SetHostname {
  readonly hostname: string;
}

export interface ConfigureHostsFile {
  /** Entries of kubexm's block of /etc/hosts, in this order. */
  readonly entries: readonly { readonly address: string; readonly names: readonly string[] }[];
}

export type DisableSwap = Record<string, never>;

export interface SetTimezone {
  /** Such as `Europe/Berlin`. */
  readonly timezone: string;
}

export interface Command {
  readonly title?: string;
  /** A shell text made with `sh` (its `text`). No secret may be in it: those come through `stdin`. */
  readonly command: string;
  /**
   * A shell text that exits 0 when there is nothing to do and 1 when there is; any other code is an error. Without it
   * the command always runs.
   */
  readonly check?: string;
  readonly stdin?: SecretRef;
  /** Takes the trimmed standard output: the check's where that says done, else the command's. */
  readonly capture?: Output<string>;
  /** A channel of its own, output to the log line by line. */
  readonly long?: boolean;
  /** Default true: as root. */
  readonly root?: boolean;
}
