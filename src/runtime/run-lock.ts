import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { KubexmError } from '../errors/index.js';

interface Owner {
  readonly pid: number;
  /** When the process started, in the kernel's own count: a number that is used again belongs to another process. */
  readonly startedAt?: string;
  readonly host: string;
  readonly user: string;
  readonly since: string;
  /** Different for each lock. */
  readonly id: string;
}

/**
 * One run that changes things per work directory. The lock of a process that is gone (killed, power cut) is taken over;
 * one of another machine, as on a shared directory, is not.
 */
export async function lockRuns(clusterWorkDir: string): Promise<() => Promise<void>> {
  const path = join(clusterWorkDir, 'run.lock');
  const startedAt = await startOf(process.pid);
  const own: Owner = {
    pid: process.pid,
    ...(startedAt === undefined ? {} : { startedAt }),
    host: hostname(),
    user: userInfo().username,
    since: new Date().toISOString(),
    id: randomUUID(),
  };
  const draft = `${path}.${own.id}`;
  // Written whole and then linked into place: nobody ever reads half an owner.
  await writeFile(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    for (;;) {
      const chain = await take(path, draft, own);
      if (chain) return () => release(chain);
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * A dead owner's lock is never removed by those who want it, since one of them might then remove what another has just
 * taken. Its heir is whoever makes the file that is named after its content; an heir that died has an heir of its own.
 * Undefined: something changed meanwhile, look again.
 */
async function take(path: string, draft: string, own: Owner): Promise<readonly string[] | undefined> {
  const dead: { readonly path: string; readonly text: string }[] = [];
  for (let name = path; ; ) {
    if (await linked(draft, name)) {
      const chain = [...dead.map((each) => each.path), name];
      for (const each of dead) {
        if ((await readText(each.path)) === each.text) continue;
        await rm(name, { force: true });
        return undefined;
      }
      return chain;
    }
    const text = await readText(name);
    if (text === undefined) return undefined;
    const owner = ownerOf(text);
    if (owner && (owner.host !== own.host || (await isAlive(owner)))) throw locked(owner, path);
    dead.push({ path: name, text });
    name = `${path}.after-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
  }
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The dead ones first: while the own file is there, nobody inherits from them. */
async function release(chain: readonly string[]): Promise<void> {
  for (const path of chain) await rm(path, { force: true });
}

function locked({ pid, user, host, since }: Owner, path: string): KubexmError {
  return new KubexmError(
    'LOCKED',
    `another kubexm is at work on this cluster: pid ${pid} of ${user} on ${host}, since ${since}`,
    { hint: `wait until it has ended; if it is gone for certain: rm ${path}`, retryable: false },
  );
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined where the machine crashed before the text was on its disk. */
function ownerOf(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, startedAt }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = await startOf(pid);
  return startedAt === undefined || now === undefined || now === startedAt;
}

/** Field 22 of /proc/PID/stat with the boot it counts from; undefined where there is no such file system. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ]);
    // The name in parentheses may hold anything.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot.trim()} ${ticks}`;
  } catch {
    return undefined;
  }
}
