import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { type Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asError, KubexmError } from '../errors/index.js';
import { interruptible } from './interruption.js';
import { lineSplitter } from './lines.js';
import type { DownloadOptions, ExecOptions, ExecResult, Shell, TransferOptions } from './types.js';

/** A command that was started somewhere: what a child process and an SSH channel have in common. */
export interface RunningCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Known when the command and both of its streams are over; 128 + n after signal n. Fails when the connection was lost. */
  readonly exitCode: Promise<number>;
  /** Ends the command and whatever it started. */
  kill(): Promise<void>;
}

/** Feeds the command its stdin and collects what it writes. */
export async function completed(name: string, command: RunningCommand, options: ExecOptions): Promise<ExecResult> {
  const { onLine } = options;
  const stdout = collect(command.stdout, onLine && ((line) => onLine(line, 'stdout')));
  const stderr = collect(command.stderr, onLine && ((line) => onLine(line, 'stderr')));
  // A command that ends without reading all of its stdin is not at fault.
  command.stdin.on('error', () => {});
  if (options.shell?.before !== undefined) command.stdin.write(options.shell.before);
  command.stdin.end(options.stdin ?? '');
  const exitCode = await interruptible(name, command.exitCode, options, () => command.kill());
  return { exitCode, stdout: stdout(), stderr: stderr() };
}

/** Streams a file into the command's stdin. A source that cannot be read to its end kills the command: it must not see an EOF. */
export async function uploaded(
  name: string,
  command: RunningCommand,
  localPath: string,
  options: TransferOptions,
): Promise<ExecResult> {
  const stdout = collect(command.stdout);
  const stderr = collect(command.stderr);
  let unreadable: Error | undefined;
  // A generator: only what goes wrong with the file itself is thrown inside of it.
  async function* content(): AsyncGenerator<Buffer> {
    try {
      yield* createReadStream(localPath, { highWaterMark: 256 * 1024 });
    } catch (error) {
      unreadable = asError(error);
      void command.kill();
      throw error;
    }
  }
  command.stdin.on('error', () => {});
  if (options.shell?.before !== undefined) command.stdin.write(options.shell.before);
  const meter = progressMeter(options.progress);
  // It fails when the command ends early: then its exit code and stderr tell more.
  const sent = pipeline(content(), meter.stream, command.stdin).then(meter.end, () => {});
  try {
    const exitCode = await interruptible(name, command.exitCode, options, () => command.kill());
    await sent;
    if (unreadable === undefined) return { exitCode, stdout: stdout(), stderr: stderr() };
  } catch (error) {
    if (unreadable === undefined) throw error;
  }
  throw unreadableFile(localPath, unreadable);
}

/** Streams the command's stdout into a file that appears only when the command has succeeded. */
export async function downloaded(
  name: string,
  command: RunningCommand,
  localPath: string,
  options: DownloadOptions,
): Promise<ExecResult> {
  const partPath = `${localPath}.${randomBytes(4).toString('hex')}.part`;
  const stderr = collect(command.stderr);
  command.stdin.on('error', () => {});
  command.stdin.end(options.shell?.before ?? '');
  const meter = progressMeter(options.progress);
  let unwritable: Error | undefined;
  const target = createWriteStream(partPath, { mode: options.mode ?? 0o600 });
  const received = pipeline(command.stdout, meter.stream, target).then(meter.end, (error: unknown) => {
    unwritable = asError(error);
    void command.kill();
  });
  try {
    const exitCode = await interruptible(name, command.exitCode, options, () => command.kill());
    await received;
    if (unwritable) throw new KubexmError('TRANSFER_FAILED', `cannot write ${localPath}`, { cause: unwritable });
    if (exitCode === 0) await rename(partPath, localPath);
    return { exitCode, stdout: '', stderr: stderr() };
  } finally {
    await rm(partPath, { force: true });
  }
}

/** One line for a login shell of any kind. Without a command, `sh` reads a script from stdin. */
export function commandLine(command: string | undefined, shell: Shell | undefined, variable = ''): string {
  const words = ['exec', shell?.prefix ?? '', variable && `env ${variable}`, 'sh'].filter(Boolean).join(' ');
  return command === undefined ? words : `${words} -c '${command.replaceAll("'", `'\\''`)}'`;
}

/** FILE_MISSING where there is no readable file; asked before a command is started for it. */
export async function assertReadableFile(localPath: string): Promise<void> {
  try {
    if ((await stat(localPath)).isFile()) return;
  } catch (error) {
    throw unreadableFile(localPath, asError(error));
  }
  throw unreadableFile(localPath, new Error('it is not a file'));
}

function unreadableFile(localPath: string, cause: Error): KubexmError {
  return new KubexmError('FILE_MISSING', `cannot read ${localPath}: ${cause.message}`, { cause, retryable: false });
}

function collect(stream: Readable, onLine?: (line: string) => void): () => string {
  const chunks: Buffer[] = [];
  const splitter = onLine && lineSplitter(onLine);
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    splitter?.push(chunk);
  });
  stream.on('end', () => splitter?.end());
  stream.on('error', () => {}); // the lost connection is told by exitCode
  return () => Buffer.concat(chunks).toString('utf8');
}

function progressMeter(progress: ((done: number) => void) | undefined): { stream: Transform; end: () => void } {
  let done = 0;
  let reported = 0;
  const stream = new Transform({
    highWaterMark: 256 * 1024,
    transform(chunk: Buffer, _, callback) {
      done += chunk.length;
      if (progress && Date.now() - reported >= 100) {
        reported = Date.now();
        progress(done);
      }
      callback(null, chunk);
    },
  });
  return { stream, end: () => progress?.(done) };
}
