import { readFile } from 'node:fs/promises';

/** A process that cannot be mistaken for a later one with the same number. Start time: clock ticks since this boot. */
export interface ProcessId {
  readonly pid: number;
  readonly startTime: number;
  readonly bootId: string;
}

export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

export async function identify(pid: number): Promise<ProcessId | undefined> {
  const stat = await readOptional(`/proc/${pid}/stat`);
  const startTime = stat === undefined ? undefined : parseStartTime(stat);
  return startTime === undefined ? undefined : { pid, startTime, bootId: await bootId() };
}

export async function alive(process: ProcessId): Promise<boolean> {
  const now = await identify(process.pid);
  return now?.startTime === process.startTime && now.bootId === process.bootId;
}

/** Field 22 of /proc/PID/stat. The name in field 2 may hold blanks and brackets; a zombie counts as gone. */
export function parseStartTime(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : Number(fields[19]);
}

export async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = (await readOptional(`/proc/${pid}/task/${pid}/children`)) ?? '';
  return text.split(' ').filter(Boolean).map(Number);
}

/** True for the first process of a PID namespace other than ours. */
export async function isNamespaceInit(pid: number): Promise<boolean> {
  const status = (await readOptional(`/proc/${pid}/status`)) ?? '';
  const ids = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
  return ids.length > 1 && ids.at(-1) === '1';
}

/** SIGKILL; a process that is gone already is fine. */
export function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

async function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
