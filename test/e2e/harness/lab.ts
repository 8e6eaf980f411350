import { closeSync, existsSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LabHost, labDown, labState, labStatus, labUp, resetLabHost } from '../../../lab/index.js';

type Log = (line: string) => void;

/** Why there can be no lab here, or undefined. */
export function labMissing(): string | undefined {
  if (process.platform !== 'linux') return `the lab needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'the lab needs root';
  if (process.arch !== 'x64') return `the lab's images are for amd64, this is ${process.arch}`;
  return undefined;
}

/** One lab for all scenarios of a run. */
export function sharedLab({ log, signal }: { log: Log; signal: AbortSignal }) {
  return {
    /** Running hosts, at least so many; a killed one is started by its reset. */
    async up(hosts: number): Promise<readonly LabHost[]> {
      signal.throwIfAborted();
      const state = await labUp({ hosts, log });
      return state.hosts.slice(0, hosts);
    },
    async reset(hosts: readonly LabHost[]): Promise<void> {
      signal.throwIfAborted();
      await Promise.all(hosts.map(({ name }) => resetLabHost(name)));
    },
    async absent(): Promise<void> {
      signal.throwIfAborted();
      if ((await labStatus()).up) await labDown({ log });
    },
    async hosts(count: number): Promise<readonly LabHost[]> {
      return (await labStatus()).up ? (await labState()).hosts.slice(0, count) : [];
    },
  };
}

const lockFile = join(tmpdir(), 'kubexm-e2e.lock');

/** The lab is one: only one run of scenarios at a time. Waits for another, saying so. Call the result to let the next one in. */
export async function onlyRun({ log, signal }: { log: Log; signal: AbortSignal }): Promise<() => void> {
  for (let said = false; ; ) {
    signal.throwIfAborted();
    try {
      const file = openSync(lockFile, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => unlinkSync(lockFile);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = existsSync(lockFile) ? Number(readFileSync(lockFile, 'utf8')) : 0;
    if (owner > 0 && !isAlive(owner)) unlinkSync(lockFile);
    else {
      if (!said) log(`another run (pid ${owner}) uses the lab; waiting for it (${lockFile})`);
      said = true;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
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
