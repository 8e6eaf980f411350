/** What a command left behind; the same fields whether it succeeded or failed. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command's `sh`: `sudo -n --`. */
export interface Shell {
  readonly prefix: string;
  /** Sent to its stdin before anything else: the line with the password that sudo reads. */
  readonly before?: string;
}

export interface ExecOptions {
  readonly shell?: Shell;
  readonly stdin?: string | Uint8Array;
  /** Called with each line as it comes, without its line end; such commands get a channel of their own. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  readonly signal?: AbortSignal;
  /** Counted from the start of the command, without the wait for a channel. */
  readonly timeoutMs?: number;
  /** For commands that take long: they do not hold up the short ones. */
  readonly ownChannel?: boolean;
}

export interface TransferOptions {
  /** Bytes so far; at most ten times a second, and once at the end. */
  readonly progress?: (done: number) => void;
  readonly signal?: AbortSignal;
  readonly shell?: Shell;
}

export interface DownloadOptions extends TransferOptions {
  /** Permission bits of the local file; default 0o600. */
  readonly mode?: number;
}

/**
 * A way to run commands on one machine. Commands are POSIX shell text, run by `sh -c` or the given shell. A non-zero exit code is a result; what
 * keeps a command from ending is thrown as a KubexmError: HOST_UNREACHABLE, SSH_AUTH, SSH_HOST_KEY, SSH_KEY_FILE, COMMAND_TIMEOUT,
 * CANCELLED, CONNECTOR_CLOSED. Errors never hold the command's text, which may contain secrets.
 */
export interface Connector {
  readonly name: string;
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  /** Streams a local file into the stdin of a command, such as `cat > /tmp/x && sha256sum /tmp/x`. FILE_MISSING where it cannot be read. */
  upload(localPath: string, command: string, options?: TransferOptions): Promise<ExecResult>;
  /** Streams the stdout of a command into a local file, written beside it and renamed when the command exits with 0. */
  download(command: string, localPath: string, options?: DownloadOptions): Promise<ExecResult>;
  /** Ends the connection; whatever runs fails with CONNECTOR_CLOSED. */
  close(): Promise<void>;
}
