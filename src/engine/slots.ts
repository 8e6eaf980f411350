import { Fifo } from './fifo.js';
import type { JobEntry, JobTable } from './job-table.js';

/** Hands out places: every job that looks or acts has one on its host, and one of each name that it uses while it acts. */
export interface Slots<Ctx> {
  /** Queues for a place on its host; `started.look` is called when it has one. */
  look(job: JobEntry<Ctx>): void;
  /** Queues for a place on its host and all its names at once; `started.act` is called when it has them. */
  act(job: JobEntry<Ctx>): void;
  /** A job that is looking takes its names too, if they are free right now. */
  tryNames(job: JobEntry<Ctx>): boolean;
  /** Gives back what the job holds, and starts whoever fits. */
  release(job: JobEntry<Ctx>, held: 'host' | 'host and names'): void;
  /** Starts nothing more; returns the jobs that were queued. */
  close(): readonly JobEntry<Ctx>[];
}

/**
 * Nothing is held while waiting, so nothing can deadlock. Whoever waits longest for names has one place of each reserved
 * (on its host too): others may pass it, but not for ever.
 */
export function createSlots<Ctx>(
  table: JobTable<Ctx>,
  perHost: number,
  started: { look(job: JobEntry<Ctx>): void; act(job: JobEntry<Ctx>): void },
): Slots<Ctx> {
  const hostFree = new Int32Array(table.hosts.length).fill(Math.min(perHost, 0x7fffffff));
  const nameFree = Int32Array.from(table.names, ({ limit }) => Math.min(limit, 0x7fffffff));
  const lookers = table.hosts.map(() => new Fifo<JobEntry<Ctx>>());
  const groups = new Map<string, Group<Ctx>>();
  const byAge = new Fifo<JobEntry<Ctx>>();
  const waiting = new Uint8Array(table.jobs.length);
  let eldest: JobEntry<Ctx> | undefined;
  let closed = false;

  const hostFits = (job: JobEntry<Ctx>): boolean => {
    const reserved = eldest !== undefined && eldest !== job && eldest.hostIndex === job.hostIndex ? 1 : 0;
    return (hostFree[job.hostIndex] ?? 0) > reserved;
  };
  const namesFit = (uses: readonly number[], job: JobEntry<Ctx> | undefined): boolean =>
    uses.every((name) => {
      const reserved = eldest !== undefined && eldest !== job && eldest.uses.includes(name) ? 1 : 0;
      return (nameFree[name] ?? 0) > reserved;
    });
  const take = (counts: Int32Array, at: number, places: number): void => {
    counts[at] = (counts[at] ?? 0) - places;
  };
  const startActing = (job: JobEntry<Ctx>): void => {
    take(hostFree, job.hostIndex, 1);
    for (const name of job.uses) take(nameFree, name, 1);
    waiting[job.index] = 0;
    if (job === eldest) eldest = nextEldest();
    started.act(job);
  };
  const nextEldest = (): JobEntry<Ctx> | undefined => {
    while (byAge.size > 0 && waiting[byAge.peek()?.index ?? 0] === 0) byAge.shift();
    return byAge.peek();
  };
  const startEldest = (): void => {
    for (;;) {
      const job = eldest;
      if (job === undefined || !hostFits(job) || !namesFit(job.uses, job)) return;
      const group = groups.get(groupKey(job));
      // The eldest of all is the first of its lane.
      group?.lanes.get(job.hostIndex)?.shift();
      startActing(job);
    }
  };
  const startLane = (group: Group<Ctx>, host: number): void => {
    const lane = group.lanes.get(host);
    const job = lane?.peek();
    if (lane === undefined || job === undefined || !hostFits(job) || !namesFit(job.uses, job)) return;
    lane.shift();
    // To the end: lanes take turns.
    group.lanes.delete(host);
    if (lane.size > 0) group.lanes.set(host, lane);
    startActing(job);
  };
  const startGroup = (group: Group<Ctx>): void => {
    for (const [host, lane] of group.lanes) {
      if (lane.size === 0) group.lanes.delete(host);
      else if (!namesFit(group.uses, undefined)) return;
      else startLane(group, host);
    }
  };
  const startLookers = (host: number): void => {
    const queue = lookers[host];
    for (;;) {
      const job = queue?.peek();
      if (job === undefined || !hostFits(job)) return;
      queue?.shift();
      take(hostFree, host, 1);
      started.look(job);
    }
  };

  return {
    look(job) {
      lookers[job.hostIndex]?.push(job);
      if (!closed) startLookers(job.hostIndex);
    },
    act(job) {
      const key = groupKey(job);
      const group = groups.get(key) ?? { uses: job.uses, lanes: new Map<number, Fifo<JobEntry<Ctx>>>() };
      groups.set(key, group);
      const lane = group.lanes.get(job.hostIndex) ?? new Fifo<JobEntry<Ctx>>();
      group.lanes.set(job.hostIndex, lane);
      lane.push(job);
      byAge.push(job);
      waiting[job.index] = 1;
      eldest ??= job;
      if (closed) return;
      startEldest();
      startLane(group, job.hostIndex);
    },
    tryNames(job) {
      if (closed || !namesFit(job.uses, job)) return false;
      for (const name of job.uses) take(nameFree, name, 1);
      return true;
    },
    release(job, held) {
      take(hostFree, job.hostIndex, -1);
      if (held === 'host and names') for (const name of job.uses) take(nameFree, name, -1);
      if (closed) return;
      startEldest();
      for (const group of groups.values()) {
        if (held === 'host and names' && group.uses.some((name) => job.uses.includes(name))) startGroup(group);
        else startLane(group, job.hostIndex);
      }
      startLookers(job.hostIndex);
    },
    close() {
      closed = true;
      const queued: JobEntry<Ctx>[] = [];
      for (const queue of [...lookers, ...[...groups.values()].flatMap((group) => [...group.lanes.values()])]) {
        for (let job = queue.shift(); job !== undefined; job = queue.shift()) queued.push(job);
      }
      return queued.sort((a, b) => a.index - b.index);
    },
  };
}

/** Jobs that use the same names, by host. */
interface Group<Ctx> {
  readonly uses: readonly number[];
  readonly lanes: Map<number, Fifo<JobEntry<Ctx>>>;
}

function groupKey<Ctx>(job: JobEntry<Ctx>): string {
  return job.uses.length === 1 ? String(job.uses[0]) : [...job.uses].sort((a, b) => a - b).join(' ');
}
