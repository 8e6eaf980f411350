import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const unfinished = '.unfinished-';

/**
 * The directory, made by `make` unless it is there. `make` fills a temporary directory beside it, which is renamed at the
 * end: a directory under its final name is always complete, whatever was killed when.
 */
export async function cachedDirectory(directory: string, make: (temporary: string) => Promise<void>): Promise<string> {
  if (existsSync(directory)) return directory;
  await withScratch(directory, async (temporary) => {
    await make(temporary);
    await rename(temporary, directory);
  });
  return directory;
}

/** Lends `work` an empty directory beside `directory`, on the same file system, and removes it in the end. */
export async function withScratch(directory: string, work: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${directory}${unfinished}${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    await work(temporary);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Removes what killed builds left in a directory of the cache, and nothing of a process that is there. */
export async function removeUnfinished(parent: string): Promise<void> {
  if (!existsSync(parent)) return;
  for (const name of await readdir(parent)) {
    const owner = Number(name.split(unfinished)[1]);
    if (owner > 0 && !isRunning(owner)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there and somebody else's.
    return error instanceof Error && 'code' in error && error.code !== 'ESRCH';
  }
}

/** One value for everything a result depends on. */
export function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** The contents of all files of a flat directory as one value: two recipes with the same files are the same. */
export async function directoryKey(directory: string): Promise<string> {
  const names = (await readdir(directory)).sort();
  return keyOf(await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')])));
}

/**
 * Runs `work` while no other process of this machine holds the lock of that name. The lock is a name in the kernel (an
 * abstract socket), so that it goes with the process that holds it, however that ends.
 */
export async function withLock<T>(name: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  let announced = false;
  let lock = await tryLock(name);
  while (lock === undefined) {
    if (!announced) waiting();
    announced = true;
    await delay(500);
    lock = await tryLock(name);
  }
  try {
    return await work();
  } finally {
    lock.close();
  }
}

function tryLock(name: string): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(`\0kubexm-lab-${name}`, () => resolve(server));
  });
}
