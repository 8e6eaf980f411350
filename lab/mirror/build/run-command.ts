import { spawn } from 'node:child_process';
import { KubexmError } from '../../../src/errors/index.js';

/** How many of the last lines of output an error shows. */
const shownLines = 15;

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
}

/** Runs a program of this machine and gives its standard output. Throws COMMAND_FAILED with the last lines of what it printed. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  const printed: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    output.push(chunk);
    printed.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => printed.push(chunk));
  // A program that does not read its input must not end this one.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const ended = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.on('error', (cause) => reject(new KubexmError('COMMAND_FAILED', `cannot run ${program}`, { cause })));
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  if (ended.code === 0) return Buffer.concat(output).toString();
  const lines = Buffer.concat(printed).toString().trimEnd().split('\n');
  const how = ended.code === null ? `was ended by ${ended.signal}` : `ended with ${ended.code}`;
  throw new KubexmError('COMMAND_FAILED', `${program} ${args[0] ?? ''} ${how}`, { details: lines.slice(-shownLines) });
}
