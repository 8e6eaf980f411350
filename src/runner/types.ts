import type { Secret } from '../secrets/index.js';
import type { ShellCommand } from './shell.js';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Default true: the whole command runs as root (sudo where the login is not root). */
  readonly root?: boolean;
  readonly stdin?: string | Uint8Array | Secret;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called with each line as it comes; such commands get a channel of their own. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Long-running commands get a channel of their own instead of the persistent shell. */
  readonly long?: boolean;
  /** Values that must be masked in the error although they are not part of the command. */
  readonly secrets?: readonly Secret[];
}

/** `mode` is the permission bits in octal without the type, such as `0644` = 0o644. Times in seconds since the epoch. */
export interface FileInfo {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  readonly size: number;
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  readonly mtime: number;
  /** Only when asked for, and for regular files. */
  readonly sha256?: string;
  /** Where a symlink points to. */
  readonly linkTarget?: string;
}

export interface WriteOptions {
  /** Default 0o644. */
  readonly mode?: number;
  /** `user` or `user:group`; default root:root. */
  readonly owner?: string;
  readonly signal?: AbortSignal;
}

export interface UploadOptions extends WriteOptions {
  /** Expected digest of the source; the copy on the host is checked against it before it is renamed into place. */
  readonly sha256: string;
  readonly progress?: (done: number, total: number) => void;
}

export interface ServiceState {
  /** `LoadState`: `not-found` where no unit exists. */
  readonly load: 'loaded' | 'not-found' | 'masked' | 'other';
  readonly active: 'active' | 'activating' | 'deactivating' | 'reloading' | 'failed' | 'inactive';
  readonly enabled: boolean;
  /** The unit file on disk is newer than what systemd has loaded. */
  readonly needsDaemonReload: boolean;
  readonly mainPid: number;
  /** Seconds since the epoch when it became active; 0 where it is not. */
  readonly activeSince: number;
}

export type PackageManager = 'apt' | 'dnf' | 'yum' | 'zypper';

/** What one round trip tells of a host. Sizes in bytes. */
export interface HostFacts {
  readonly hostname: string;
  readonly os: {
    readonly id: string;
    readonly idLike: readonly string[];
    readonly version: string;
    readonly name: string;
  };
  readonly arch: 'amd64' | 'arm64';
  readonly kernel: string;
  readonly cgroup: 'v1' | 'v2';
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly swap: boolean;
  readonly machineId: string;
  readonly productUuid: string;
  readonly packageManager: PackageManager | undefined;
  readonly initSystem: 'systemd' | 'other';
  readonly selinux: 'enforcing' | 'permissive' | 'disabled';
  readonly firewall: 'firewalld' | 'ufw' | 'none';
  readonly ipv4: readonly {
    readonly interface: string;
    readonly address: string;
    readonly prefix: number;
    readonly mtu: number;
  }[];
  readonly defaultInterface: string | undefined;
  /** Host's clock minus the control machine's, in ms; half of the round trip is taken off. */
  readonly clockSkewMs: number;
  /** Bytes free of the file systems that hold these directories. */
  readonly freeBytes: Readonly<Record<string, number>>;
  /** The same word for directories that share the room of one file system: a device or a number. */
  readonly fileSystems: Readonly<Record<string, string>>;
  /** TCP ports on which something listens, with the process' name where it is known. */
  readonly listening: readonly { readonly port: number; readonly address: string; readonly process: string }[];
  /** Commands of the asked list that exist. */
  readonly commands: readonly string[];
  /** What tells of an installation, kubexm's or another's: existing paths of a fixed list. */
  readonly leftovers: readonly string[];
  readonly sudo: 'root' | 'passwordless' | 'password';
  readonly resolvConf: readonly string[];
  readonly sshMaxSessions: number | undefined;
}

/** Stateless operations on one host, over any connector. Paths are POSIX paths on that host. All failures name the host. */
export interface HostRunner {
  readonly name: string;
  /** Throws COMMAND_FAILED on a non-zero exit code, with the masked command and the last lines of stderr. */
  run(command: ShellCommand, options?: RunOptions): Promise<CommandResult>;
  /** Like `run`, but a non-zero exit code is an answer. */
  tryRun(command: ShellCommand, options?: RunOptions): Promise<CommandResult>;
  /** One round trip for all paths; what does not exist is missing from the map. */
  statMany(
    paths: readonly string[],
    options?: { readonly sha256?: boolean; readonly signal?: AbortSignal },
  ): Promise<ReadonlyMap<string, FileInfo>>;
  stat(
    path: string,
    options?: { readonly sha256?: boolean; readonly signal?: AbortSignal },
  ): Promise<FileInfo | undefined>;
  /** Undefined where it does not exist; anything else that hinders reading throws. */
  readFile(path: string, options?: { readonly signal?: AbortSignal }): Promise<string | undefined>;
  /** Written to a temporary name in the same directory, synced, then renamed. Missing directories are made (0755). */
  writeFile(path: string, content: string | Uint8Array | Secret, options?: WriteOptions): Promise<void>;
  /** Streams a file of the control machine; atomic like `writeFile`. */
  upload(localPath: string, path: string, options: UploadOptions): Promise<void>;
  download(
    path: string,
    localPath: string,
    options?: {
      readonly mode?: number;
      readonly progress?: (done: number, total: number) => void;
      readonly signal?: AbortSignal;
    },
  ): Promise<void>;
  remove(path: string, options?: { readonly recursive?: boolean; readonly signal?: AbortSignal }): Promise<void>;
  serviceState(name: string, options?: { readonly signal?: AbortSignal }): Promise<ServiceState>;
  facts(options: {
    readonly diskPaths: readonly string[];
    readonly commands: readonly string[];
    /** Further paths that count as leftovers where they exist. */
    readonly leftovers?: readonly string[];
    readonly signal?: AbortSignal;
  }): Promise<HostFacts>;
}
