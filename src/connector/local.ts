import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { KubexmError } from '../errors/index.js';
import { cancelled, connectorClosed, interruptible } from './interruption.js';
import {
  assertReadableFile,
  commandLine,
  completed,
  downloaded,
  type RunningCommand,
  uploaded,
} from './running-command.js';
import type { Connector, ExecOptions } from './types.js';

/** Runs commands on this machine, each in a process group of its own. */
export function localConnector(name = 'localhost'): Connector {
  const running = new Set<RunningCommand>();
  let closed = false;

  function start(command: string, { signal, shell }: Pick<ExecOptions, 'signal' | 'shell'>): RunningCommand {
    if (closed) throw connectorClosed(name);
    if (signal?.aborted) throw cancelled(name);
    const started = startedProcess(name, shell === undefined ? command : commandLine(command, shell));
    running.add(started);
    started.exitCode.catch(() => {}).finally(() => running.delete(started));
    return started;
  }

  async function unlessClosed<T>(result: Promise<T>): Promise<T> {
    try {
      const value = await result;
      if (!closed) return value;
    } catch (error) {
      if (!closed) throw error;
    }
    throw connectorClosed(name);
  }

  return {
    name,
    exec: async (command, options = {}) => unlessClosed(completed(name, start(command, options), options)),
    async upload(localPath, command, options = {}) {
      await interruptible(name, assertReadableFile(localPath), options);
      return unlessClosed(uploaded(name, start(command, options), localPath, options));
    },
    download: async (command, localPath, options = {}) =>
      unlessClosed(downloaded(name, start(command, options), localPath, options)),
    async close() {
      closed = true;
      const ending = [...running];
      for (const command of ending) void command.kill();
      await Promise.allSettled(ending.map((command) => command.exitCode));
    },
  };
}

function startedProcess(name: string, command: string): RunningCommand {
  // Its own group: killing the shell alone would leave what it started.
  const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: 'pipe' });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exitCode: exitCodeOf(name, child),
    kill: async () => killGroup(child),
  };
}

function exitCodeOf(name: string, child: ChildProcessWithoutNullStreams): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      reject(new KubexmError('COMMAND_FAILED', `cannot start a shell on ${name}: ${error.message}`, { cause: error }));
    });
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

function killGroup(child: ChildProcessWithoutNullStreams): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // already gone
  }
  // What left the group may hold the streams open.
  child.stdout.destroy();
  child.stderr.destroy();
}
