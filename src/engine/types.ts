import type { HostName, Json, Output } from '../plan/index.js';
import type { EngineEvent, ErrorReport, JobName, JobOutcome, RunTotals } from './events.js';

/** What the engine gives to the context of one job. All of it falls silent when the attempt that it belongs to is over. */
export interface JobTools {
  readonly node: string;
  readonly host: HostName;
  /** Aborted on the second Ctrl-C and on the step's timeout. */
  readonly signal: AbortSignal;
  progress(done: number, total: number | undefined, unit: 'bytes' | 'count'): void;
  log(level: 'info' | 'warn' | 'debug', message: string, data?: Json): void;
  /** Value of an output, of this host where it has one; throws OUTPUT_MISSING where it was never written. */
  read<T extends Json>(output: Output<T>): T;
  /** Throws OUTPUT_MISSING where the step does not declare it in `writes`. */
  write<T extends Json>(output: Output<T>, value: T): void;
}

/** Limits by name; `*` per host. A name without a limit is an error of the caller. */
export interface Limits {
  readonly perHost: number;
  readonly named: Readonly<Record<string, number>>;
}

/** `drain`: nothing new starts and what runs may finish. `abort`: what runs is aborted too. */
export interface StopSignals {
  readonly drain: AbortSignal;
  readonly abort: AbortSignal;
}

/** How a graph is run. */
export interface RunOptions<Ctx> {
  /** `check` asks prechecks only and changes nothing. */
  readonly mode: 'apply' | 'check';
  /**
   * In check mode: what waits for a change is asked as well, as things are. What it finds to change already is told; whatever
   * else it answers counts for nothing, and it waits. A step that reacts is not asked. Default false: of a thing that is not
   * there yet nothing is asked.
   */
  readonly beyond?: boolean;
  readonly limits: Limits;
  readonly stop?: StopSignals;
  /** After a failure, undo what this run changed, last first. Default false: stop and explain. */
  readonly rollbackOnFailure?: boolean;
  /** After the first failure start nothing new. Default false: whatever does not depend on it goes on. */
  readonly failFast?: boolean;
  /** How long aborted steps may take to end, in ms. Default 5000. */
  readonly abortGraceMs?: number;
  /** Called once for each attempt of a job. */
  createContext(tools: JobTools): Ctx;
  /** A throwing `emit` does not disturb the run; what it threw is thrown at the end. */
  emit(event: EngineEvent): void;
  /** Makes plain data without secrets of whatever a step threw. */
  report(error: unknown): ErrorReport;
  /** Order in which jobs that become ready together queue up; tests shuffle with it. */
  order?(ready: readonly JobName[]): readonly JobName[];
  /** Ms since the epoch. */
  clock?(): number;
  /** From [0, 1): jitter of the waits between attempts. */
  random?(): number;
}

/** One job of a finished run. */
export interface FinishedJob extends JobName {
  readonly outcome: JobOutcome;
}

/** The end of a run. Failures are results, not exceptions. */
export interface RunResult {
  /** `interrupted`: it was stopped before everything was through. */
  readonly state: 'done' | 'failed' | 'interrupted';
  readonly ms: number;
  readonly totals: RunTotals;
  /** In the order of the graph. */
  readonly jobs: readonly FinishedJob[];
}
