import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { asError, KubexmError } from '../errors/index.js';
import { cancelled, connectorClosed, interruptible } from './interruption.js';
import { lineSplitter } from './lines.js';
import type { Connector, ExecResult, Shell, TransferOptions } from './types.js';

/** A command as the fake connector was given it; an uploaded file is its stdin. */
export interface FakeCommand {
  readonly command: string;
  readonly stdin: Uint8Array;
  readonly shell: Shell | undefined;
}

/** A string is the command's stdout; the one string `drop` loses the connection instead. */
export type FakeReply = string | Partial<ExecResult> | { readonly delayMs: number; readonly reply: FakeReply } | Error;

export interface FakeScript {
  readonly name?: string;
  /** The first that matches answers; a string is the whole command, and a string reply its stdout. */
  readonly replies: readonly (readonly [
    string | RegExp,
    FakeReply | ((command: FakeCommand) => FakeReply | Promise<FakeReply>),
  ])[];
}

/** A connector for tests that answers from a script. `commands` holds what it was asked; a command without an answer throws. */
export function fakeConnector({
  name = 'fake',
  replies,
}: FakeScript): Connector & { readonly commands: FakeCommand[] } {
  const commands: FakeCommand[] = [];
  const closing = new AbortController();

  async function answer(asked: FakeCommand, signal: AbortSignal | undefined): Promise<ExecResult> {
    if (closing.signal.aborted) throw connectorClosed(name);
    if (signal?.aborted) throw cancelled(name);
    commands.push(asked);
    const found = replies.find(([match]) =>
      typeof match === 'string' ? match === asked.command : match.test(asked.command),
    );
    if (!found) throw new KubexmError('INTERNAL', `fake connector ${name} has no answer for: ${asked.command}`);
    const [, reply] = found;
    return resolved(typeof reply === 'function' ? await reply(asked) : reply);
  }

  async function resolved(reply: FakeReply): Promise<ExecResult> {
    if (reply === 'drop') throw new KubexmError('HOST_UNREACHABLE', `lost the connection to ${name}`);
    if (reply instanceof Error) throw reply;
    if (typeof reply === 'string') return { exitCode: 0, stdout: reply, stderr: '' };
    if (!('delayMs' in reply)) return { exitCode: 0, stdout: '', stderr: '', ...reply };
    try {
      await sleep(reply.delayMs, undefined, { signal: closing.signal });
    } catch {
      throw connectorClosed(name);
    }
    return resolved(reply.reply);
  }

  return {
    name,
    commands,
    async exec(command, options = {}) {
      const asked = { command, stdin: Buffer.from(options.stdin ?? ''), shell: options.shell };
      const result = await interruptible(name, answer(asked, options.signal), options);
      for (const stream of ['stdout', 'stderr'] as const) {
        const splitter = lineSplitter((line) => options.onLine?.(line, stream));
        splitter.push(Buffer.from(result[stream]));
        splitter.end();
      }
      return result;
    },
    async upload(localPath, command, options = {}) {
      const stdin = await readFile(localPath).catch((error: unknown) => {
        throw new KubexmError('FILE_MISSING', `cannot read ${localPath}: ${asError(error).message}`, { cause: error });
      });
      const result = await transfer({ command, stdin, shell: options.shell }, options);
      options.progress?.(stdin.length);
      return result;
    },
    async download(command, localPath, options = {}) {
      const result = await transfer({ command, stdin: new Uint8Array(), shell: options.shell }, options);
      if (result.exitCode === 0) await writeFile(localPath, result.stdout, { mode: options.mode ?? 0o600 });
      options.progress?.(Buffer.byteLength(result.stdout));
      return { ...result, stdout: '' };
    },
    async close() {
      closing.abort();
    },
  };

  function transfer(asked: FakeCommand, options: TransferOptions): Promise<ExecResult> {
    return interruptible(name, answer(asked, options.signal), options);
  }
}
