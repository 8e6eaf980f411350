import { randomBytes } from 'node:crypto';
import { KubexmError } from '../errors/index.js';
import { interruptible } from './interruption.js';
import type { RunningCommand } from './running-command.js';
import type { ExecOptions, ExecResult } from './types.js';

/** Longest script (command and stdin) for the session: a shell may read its script byte by byte. */
const maxScriptLength = 16 * 1024;

/** Whether a command can be run by a session. Shell words cannot hold NUL. */
export function fitsSession(command: string, options: ExecOptions): boolean {
  if (options.ownChannel === true || options.onLine !== undefined) return false;
  const { stdin = '' } = options;
  if (typeof stdin !== 'string') return false;
  return command.length + stdin.length <= maxScriptLength && !command.includes('\0') && !stdin.includes('\0');
}

/**
 * One `sh` that runs short commands one after the other, without the cost of a channel for each. A command runs in a subshell, so
 * that `exit`, `cd` and syntax errors stay in it; random markers on stdout and stderr tell where its output ends.
 */
export class ShellSession {
  readonly #name: string;
  readonly #shell: RunningCommand;
  readonly #stdout: MarkedOutput;
  readonly #stderr: MarkedOutput;
  #fresh = true;
  #alive = true;

  /** `shell` is a running `sh` that reads its script from stdin. */
  constructor(name: string, shell: RunningCommand) {
    this.#name = name;
    this.#shell = shell;
    this.#stdout = new MarkedOutput();
    this.#stderr = new MarkedOutput();
    shell.stdout.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    shell.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    for (const stream of [shell.stdout, shell.stderr, shell.stdin]) stream.on('error', () => {});
    const ended = (): void => {
      this.#alive = false;
    };
    shell.exitCode.then(ended, ended);
  }

  /** False once the shell has ended or a command was interrupted: it must not be used again. */
  get alive(): boolean {
    return this.#alive;
  }

  /** One at a time. A command that ends the shell itself has the shell's exit code. */
  async run(command: string, options: ExecOptions): Promise<ExecResult> {
    const marker = randomBytes(12).toString('hex');
    const stdout = this.#stdout.until(marker);
    const stderr = this.#stderr.until(marker);
    this.#shell.stdin.write(this.#script(command, options.stdin as string | undefined, marker));
    const finished = Promise.all([stdout, stderr]).then(([out, err]) => ({
      exitCode: out.exitCode,
      stdout: out.text,
      stderr: err.text,
    }));
    const died = this.#shell.exitCode.then((exitCode) => {
      if (!this.#stdout.begun) throw shellNotStarted(this.#name, exitCode, this.#stderr.rest());
      return { exitCode, stdout: this.#stdout.rest(), stderr: this.#stderr.rest() };
    });
    return interruptible(this.#name, Promise.race([finished, died]), options, () => {
      this.#alive = false;
      return this.#shell.kill();
    });
  }

  /** Lets the shell end. */
  close(): void {
    this.#alive = false;
    this.#shell.stdin.end();
  }

  #script(command: string, stdin: string | undefined, marker: string): string {
    const input = stdin === undefined || stdin === '' ? '' : `printf %s ${quoted(stdin)} | `;
    const redirect = input === '' ? ' </dev/null' : '';
    const end = `kubexm_exit=$?; printf %s ${marker}:$kubexm_exit:; printf %s ${marker}:0: >&2\n`;
    const script = `${input}( eval ${quoted(command)} )${redirect}\n${end}`;
    if (!this.#fresh) return script;
    // What a login script prints comes before the first command's output.
    this.#fresh = false;
    this.#stdout.skipTo(`begin-${marker}`);
    this.#stderr.skipTo(`begin-${marker}`);
    return `printf %s begin-${marker}; printf %s begin-${marker} >&2\n${script}`;
  }
}

interface Marked {
  readonly text: string;
  readonly exitCode: number;
}

/** Collects a stream up to `marker:code:`. */
class MarkedOutput {
  #chunks: Buffer[] = [];
  /** Not yet searched to its end: a marker may go on in the next chunk. */
  #tail: Buffer = Buffer.alloc(0);
  #begin: Buffer | undefined;
  #marker: Buffer | undefined;
  #resolve: (marked: Marked) => void = () => {};

  until(marker: string): Promise<Marked> {
    this.#marker = Buffer.from(`${marker}:`);
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  skipTo(begin: string): void {
    this.#begin = Buffer.from(begin);
  }

  /** The command was reached: what comes now is its output. */
  get begun(): boolean {
    return this.#begin === undefined;
  }

  rest(): string {
    return Buffer.concat([...this.#chunks, this.#tail]).toString('utf8');
  }

  push(chunk: Buffer): void {
    let data = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    this.#tail = Buffer.alloc(0);
    if (this.#begin) {
      const at = data.indexOf(this.#begin);
      if (at === -1) {
        this.#tail = data.subarray(Math.max(0, data.length - this.#begin.length));
        return;
      }
      data = data.subarray(at + this.#begin.length);
      this.#begin = undefined;
    }
    if (!this.#marker) return; // left over by a background process of an earlier command
    const start = data.indexOf(this.#marker);
    if (start === -1) {
      const searched = Math.max(0, data.length - this.#marker.length);
      this.#chunks.push(data.subarray(0, searched));
      this.#tail = data.subarray(searched);
      return;
    }
    const codeStart = start + this.#marker.length;
    const codeEnd = data.indexOf(':', codeStart);
    this.#chunks.push(data.subarray(0, start));
    if (codeEnd === -1) {
      this.#tail = data.subarray(start);
      return;
    }
    const text = Buffer.concat(this.#chunks).toString('utf8');
    this.#chunks = [];
    this.#marker = undefined;
    this.#resolve({ text, exitCode: Number(data.subarray(codeStart, codeEnd).toString()) });
  }
}

/** sudo that refuses, a login script that ends: not the command's exit code. */
function shellNotStarted(name: string, exitCode: number, stderr: string): KubexmError {
  return new KubexmError(
    'COMMAND_FAILED',
    `a shell on ${name} ended before the command was run (exit code ${exitCode})`,
    {
      details: stderr.trim().split('\n').slice(-10),
    },
  );
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
