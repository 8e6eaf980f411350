import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubexmError } from '../../src/errors/index.js';
import { stateDir, statePaths } from './paths.js';
import { alive, bootId, identify, type ProcessId } from './process-id.js';
import type { Sysctls } from './sysctls.js';

/** What `up` must remember for `down`; written before anything is changed. */
export interface LabRecord {
  readonly bootId: string;
  readonly startedAt: string;
  readonly hosts: readonly string[];
  /** The machine's own values from before the first host started. */
  readonly sysctls: Sysctls;
}

/** undefined: no lab, or one from before the machine was booted again. */
export async function readRecord(): Promise<LabRecord | undefined> {
  const record = await readJson<LabRecord>(statePaths.record);
  return record?.bootId === (await bootId()) ? record : undefined;
}

export async function writeRecord(record: LabRecord): Promise<void> {
  await writeJson(statePaths.record, record);
}

export async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined; // a machine that lost power while it was written
  }
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

const lockDir = '/run';
const lockPrefix = 'kubexm-lab-';

/** Locks of hosts whose process was killed; for the end of `down`. */
export async function removeHostLocks(): Promise<void> {
  const own = `${lockPrefix}lab.lock`;
  for (const entry of await readdir(lockDir)) {
    if (entry.startsWith(lockPrefix) && !entry.startsWith(own)) await rm(join(lockDir, entry), { force: true });
  }
}

/** One at a time: `what` is lab, or a host's name. The lock of a process that is gone is taken over. Waits while another one works. */
export async function locked<T>(what: string, work: () => Promise<T>): Promise<T> {
  const path = join(lockDir, `${lockPrefix}${what}.lock`);
  await mkdir(stateDir, { recursive: true, mode: 0o755 });
  await acquire(path, what);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, what: string): Promise<void> {
  const own = `${path}.${process.pid}`;
  await writeJson(own, await identify(process.pid)); // linked to its name when complete: a lock always says whose it is
  const end = performance.now() + 60_000;
  for (;;) {
    const taken = await link(own, path).then(
      () => true,
      () => false,
    );
    if (taken) return rm(own);
    const holder = await readJson<ProcessId>(path);
    if (holder && !(await alive(holder))) {
      await rm(path, { force: true });
      continue;
    }
    if (performance.now() > end) {
      await rm(own, { force: true });
      throw new KubexmError(
        'LOCKED',
        `another process${holder ? ` (${holder.pid})` : ''} is busy with ${what} of the lab`,
        {
          hint: 'wait for it to end, or end it',
        },
      );
    }
    await sleep(50);
  }
}
