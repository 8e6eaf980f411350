import { readFile } from 'node:fs/promises';

/** A process beyond doubt: ids are reused, the id together with the start time is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, from /proc. */
  readonly startTime: string;
}

/** The identity of a running process, or undefined when there is none with this id. */
export async function processIdentity(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const startTime = startTimeField(await readFile(`/proc/${pid}/stat`, 'utf8'));
    return startTime === undefined ? undefined : { pid, startTime };
  } catch {
    return undefined;
  }
}

export async function isRunning({ pid, startTime }: ProcessIdentity): Promise<boolean> {
  return (await processIdentity(pid))?.startTime === startTime;
}

/** Field 22 of /proc/PID/stat. Counted from the last `)`: the name in field 2 may hold spaces. Ended processes count as none. */
export function startTimeField(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}
