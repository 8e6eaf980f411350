import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { KubexmError } from '../../../src/errors/index.js';
import { alive, identify, type ProcessId } from '../../hosts/process-id.js';

/** Starts a program that outlives this one; its output goes to the end of the log file. */
export async function startDetached(
  program: string,
  args: readonly string[],
  { logFile, env }: { logFile: string; env?: NodeJS.ProcessEnv },
): Promise<ProcessId> {
  const log = openSync(logFile, 'a');
  try {
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: env ?? process.env,
      cwd: '/',
    });
    await new Promise<void>((resolve, reject) => {
      child.on('spawn', resolve);
      child.on('error', (cause) => reject(new KubexmError('LAB_FAILED', `cannot start ${program}`, { cause })));
    });
    child.unref();
    const identity = await identify(child.pid ?? 0);
    if (identity === undefined) throw await endedEarly(program, logFile);
    return identity;
  } finally {
    closeSync(log);
  }
}

/** Waits until the address answers in any way. Throws as soon as the process is gone, with what it wrote. */
export async function waitUntilAnswering(url: string, identity: ProcessId, logFile: string): Promise<void> {
  for (const startedAt = Date.now(); Date.now() - startedAt < 20_000; await delay(50)) {
    if (!(await alive(identity))) throw await endedEarly(url, logFile);
    if (!(await answers(url))) continue;
    // Another server may have the port: then it was that one that answered, and ours is about to end.
    await delay(100);
    if (await alive(identity)) return;
  }
  throw new KubexmError('LAB_FAILED', `${url} does not answer`, { details: await lastLines(logFile) });
}

export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** Ends the process if it still is the one that was started; kindly first. */
export async function endProcess(identity: ProcessId): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGTERM', 5000],
    ['SIGKILL', 5000],
  ] as const) {
    if (!(await alive(identity))) return;
    process.kill(identity.pid, signal);
    for (const sentAt = Date.now(); Date.now() - sentAt < patienceMs; await delay(20)) {
      if (!(await alive(identity))) return;
    }
  }
  throw new KubexmError('LAB_FAILED', `process ${identity.pid} does not end`);
}

async function endedEarly(what: string, logFile: string): Promise<KubexmError> {
  return new KubexmError('LAB_FAILED', `the mirror's server for ${what} ended at once`, {
    hint: 'the address must be one of this machine and the port must be free',
    details: await lastLines(logFile),
  });
}

async function lastLines(logFile: string): Promise<string[]> {
  return (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-5);
}
