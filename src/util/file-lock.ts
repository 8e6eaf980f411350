import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubexmError } from '../errors/index.js';
import { systemErrorCode, unlessMissing } from './system-error.js';

const pollMs = 20;
const tails = new Map<string, Promise<unknown>>();

/**
 * Runs `work` while nobody else does under the same path: not in this process and not in another one. For work of
 * milliseconds. What a killed process left is taken over. Throws LOCKED after `timeoutMs` (default 10 s).
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {},
): Promise<T> {
  const turn = (tails.get(path) ?? Promise.resolve()).then(() => exclusively(path, work, timeoutMs));
  const settled = turn.catch(() => undefined);
  tails.set(path, settled);
  try {
    return await turn;
  } finally {
    if (tails.get(path) === settled) tails.delete(path);
  }
}

async function exclusively<T>(path: string, work: () => Promise<T>, timeoutMs: number): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const deadline = Date.now() + timeoutMs;
  while (!(await take(path))) {
    if (Date.now() > deadline) {
      throw new KubexmError('LOCKED', `${path} is held by another process`, {
        hint: `if no kubexm runs on this machine, remove ${path}`,
      });
    }
    await takeAway(path, timeoutMs);
    await sleep(pollMs);
  }
  try {
    return await work();
  } finally {
    await unlessMissing(unlink(path));
  }
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, `${process.pid} ${randomBytes(8).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a lock whose process is gone, or that was never written to the end. */
async function takeAway(path: string, staleMs: number): Promise<void> {
  const seen = await unlessMissing(readFile(path, 'utf8'));
  const info = await unlessMissing(stat(path));
  if (seen === undefined || info === undefined) return;
  const pid = Number.parseInt(seen, 10);
  if (Number.isNaN(pid) ? Date.now() - info.mtimeMs < staleMs / 2 : isAlive(pid)) return;
  // Renamed first: of two that saw the same stale lock only one gets it, and what it got is looked at again.
  const aside = `${path}.${randomBytes(4).toString('hex')}`;
  await unlessMissing(rename(path, aside));
  const got = await unlessMissing(readFile(aside, 'utf8'));
  if (got !== undefined && got !== seen) await writeFile(path, got, { flag: 'wx', mode: 0o600 }).catch(() => undefined);
  await unlessMissing(unlink(aside));
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
