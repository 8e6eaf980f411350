import { open, readFile, rm } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { KubexmError } from '../errors/index.js';

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly user: string;
  readonly since: string;
}

/**
 * One run that changes things per work directory. The lock of a process that is gone (killed, power cut) is taken over;
 * one of another machine, as on a shared directory, is not.
 */
export async function lockRuns(clusterWorkDir: string): Promise<() => Promise<void>> {
  const path = join(clusterWorkDir, 'run.lock');
  const own: Owner = { pid: process.pid, host: hostname(), user: userInfo().username, since: new Date().toISOString() };
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(JSON.stringify(own));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await readOwner(path);
    if (holder && (holder.host !== own.host || isAlive(holder.pid))) {
      throw new KubexmError(
        'LOCKED',
        `another kubexm is at work on this cluster: pid ${holder.pid} of ${holder.user} on ${holder.host}, since ${holder.since}`,
        {
          hint: `wait until it has ended; if it is gone for certain: rm ${path}`,
          retryable: false,
        },
      );
    }
    await rm(path, { force: true });
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch {
    // Torn by a crash, or removed meanwhile.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
