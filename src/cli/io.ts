import type { Redactor, TextSink } from '../logger/index.js';
import type { Terminal } from '../logger/screen.js';

/** The outside world of a command. Results go to `stdout`, everything else to `stderr`. */
export interface Io {
  readonly stdout: TextSink & { readonly isTTY?: boolean };
  readonly stderr: Terminal & { readonly isTTY?: boolean };
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** A person can be asked: stdin and stderr are terminals. */
  readonly interactive: boolean;
  /** Knows the secrets of this process; everything that is written passes it. */
  readonly redactor: Redactor;
  /** Where the log of the run is, once there is one; an unexpected error names it. */
  logPath?: string;
}

/** A result, on stdout. */
export function print(io: Io, text: string): void {
  io.stdout.write(io.redactor.redact(text.endsWith('\n') ? text : `${text}\n`));
}

/** A result as JSON, on stdout. */
export function printJson(io: Io, value: unknown): void {
  print(io, JSON.stringify(value, null, 2));
}

/** What is not a result: progress, notes, questions, warnings. */
export function note(io: Io, text: string): void {
  io.stderr.write(io.redactor.redact(text.endsWith('\n') ? text : `${text}\n`));
}
