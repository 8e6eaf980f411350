import { Fifo } from './fifo.js';
import { Heap } from './heap.js';
import type { JobEntry, JobTable } from './job-table.js';

/** How many jobs may pass the one that waits longest. */
const patience = 32;

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
 * Nothing is held while waiting, so nothing can deadlock. Of those that wait for the same names, whoever has the longest
 * way behind it goes first: the run is as long as its longest way. Whoever waits longest for names, and was passed often
 * enough, has one place of each reserved (on its host too): nobody waits for ever.
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
  const depthOf = (job: JobEntry<Ctx>): number => table.depth[job.index] ?? 0;
  const goesFirst = (a: Queued<Ctx>, b: Queued<Ctx>): boolean => {
    const difference = depthOf(a.job) - depthOf(b.job);
    return difference === 0 ? a.turn < b.turn : difference > 0;
  };
  let turns = 0;
  const byAge = new Fifo<JobEntry<Ctx>>();
  const waiting = new Uint8Array(table.jobs.length);
  let eldest: JobEntry<Ctx> | undefined;
  // How many jobs have started acting, and had when the eldest became it.
  let starts = 0;
  let startsBefore = 0;
  const due = (): JobEntry<Ctx> | undefined => {
    // Those that need several names are free at once only by chance: they are let through first.
    const passes = eldest !== undefined && eldest.uses.length > 1 ? 0 : patience;
    return starts - startsBefore >= passes ? eldest : undefined;
  };
  let closed = false;

  const hostFits = (job: JobEntry<Ctx>): boolean => {
    const first = due();
    const reserved = first !== undefined && first !== job && first.hostIndex === job.hostIndex ? 1 : 0;
    return (hostFree[job.hostIndex] ?? 0) > reserved;
  };
  const namesFit = (uses: readonly number[], job: JobEntry<Ctx> | undefined): boolean => {
    const first = due();
    return uses.every((name) => {
      const reserved = first !== undefined && first !== job && first.uses.includes(name) ? 1 : 0;
      return (nameFree[name] ?? 0) > reserved;
    });
  };
  const take = (counts: Int32Array, at: number, places: number): void => {
    counts[at] = (counts[at] ?? 0) - places;
  };
  const startActing = (job: JobEntry<Ctx>): void => {
    take(hostFree, job.hostIndex, 1);
    for (const name of job.uses) take(nameFree, name, 1);
    waiting[job.index] = 0;
    starts += 1;
    if (job === eldest) {
      eldest = nextEldest();
      startsBefore = starts;
    }
    started.act(job);
  };
  const nextEldest = (): JobEntry<Ctx> | undefined => {
    while (byAge.size > 0 && waiting[byAge.peek()?.index ?? 0] === 0) byAge.shift();
    return byAge.peek();
  };
  const startEldest = (): void => {
    for (;;) {
      const job = due();
      if (job === undefined || !hostFits(job) || !namesFit(job.uses, job)) return;
      startActing(job);
    }
  };
  /** The first of a lane that still waits: the eldest of all starts past its lane. */
  const headOf = (group: Group<Ctx>, host: number): Queued<Ctx> | undefined => {
    const lane = group.lanes.get(host);
    if (lane === undefined) return undefined;
    while (waiting[lane.peek()?.job.index ?? -1] === 0) lane.shift();
    if (lane.size === 0) group.lanes.delete(host);
    return lane.peek();
  };
  const startLane = (group: Group<Ctx>, host: number): void => {
    const head = headOf(group, host);
    if (head === undefined || !hostFits(head.job) || !namesFit(head.job.uses, head.job)) return;
    group.lanes.get(host)?.shift();
    startActing(head.job);
  };
  const startGroup = (group: Group<Ctx>): void => {
    while (namesFit(group.uses, undefined)) {
      let best: Queued<Ctx> | undefined;
      for (const host of group.lanes.keys()) {
        const head = headOf(group, host);
        if (head !== undefined && hostFits(head.job) && (best === undefined || goesFirst(head, best))) best = head;
      }
      if (best === undefined) return;
      startLane(group, best.job.hostIndex);
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
      const group = groups.get(key) ?? { uses: job.uses, lanes: new Map<number, Heap<Queued<Ctx>>>() };
      groups.set(key, group);
      const lane = group.lanes.get(job.hostIndex) ?? new Heap<Queued<Ctx>>(goesFirst);
      group.lanes.set(job.hostIndex, lane);
      turns += 1;
      lane.push({ job, turn: turns });
      byAge.push(job);
      waiting[job.index] = 1;
      if (eldest === undefined) {
        eldest = job;
        startsBefore = starts;
      }
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
      for (const queue of lookers) {
        for (let job = queue.shift(); job !== undefined; job = queue.shift()) queued.push(job);
      }
      queued.push(...table.jobs.filter((job) => waiting[job.index] === 1));
      groups.clear();
      return queued.sort((a, b) => a.index - b.index);
    },
  };
}

/** Jobs that use the same names, by host. */
interface Group<Ctx> {
  readonly uses: readonly number[];
  readonly lanes: Map<number, Heap<Queued<Ctx>>>;
}

interface Queued<Ctx> {
  readonly job: JobEntry<Ctx>;
  /** Equals go in the order in which they came. */
  readonly turn: number;
}

function groupKey<Ctx>(job: JobEntry<Ctx>): string {
  return job.uses.length === 1 ? String(job.uses[0]) : [...job.uses].sort((a, b) => a - b).join(' ');
}
