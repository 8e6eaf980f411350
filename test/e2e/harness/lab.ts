import { spawn } from 'node:child_process';
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

/**
 * The lab is one: only one run of scenarios at a time. Waits for another, saying so. Call the result to let the next one in.
 * The lock is a child's that lives as long as its stdin is open: it cannot outlive this process.
 */
export async function onlyRun({ log, signal }: { log: Log; signal: AbortSignal }): Promise<() => void> {
  const lockFile = join(tmpdir(), 'kubexm-e2e.lock');
  const child = spawn('flock', [lockFile, 'sh', '-c', 'echo locked; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const release = () => child.stdin.end();
  const waiting = setTimeout(() => log(`another run uses the lab; waiting for it (${lockFile})`), 500);
  try {
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve);
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`flock ${lockFile} failed`)));
      signal.addEventListener('abort', () => child.kill(), { once: true });
    });
  } finally {
    clearTimeout(waiting);
  }
  return release;
}
