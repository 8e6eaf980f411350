import type { HostName, Json } from '../plan/index.js';

/** An error as plain data, already free of secrets. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly details: readonly string[];
}

/** Identifies a job in every event about it. */
export interface JobName {
  readonly node: string;
  readonly host: HostName;
}

export type JobOutcome =
  | { readonly state: 'satisfied'; readonly because: string }
  | { readonly state: 'changed'; readonly because: string }
  | { readonly state: 'failed'; readonly error: ErrorReport; readonly phase: 'precheck' | 'run' | 'recheck' }
  /** Not started: something that it depends on failed or was cancelled, or the run was stopped. */
  | { readonly state: 'cancelled'; readonly because: string }
  /** Check mode only. */
  | { readonly state: 'would-change'; readonly because: string }
  | { readonly state: 'waits'; readonly because: string };

export interface RunTotals {
  readonly jobs: number;
  readonly satisfied: number;
  readonly changed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly wouldChange: number;
  readonly waits: number;
}

/** Everything that happens in a run. The journal, the screen, JSON output and the report are readers of it. `at`: ms since the epoch. */
export type EngineEvent =
  | {
      readonly type: 'run-started';
      readonly at: number;
      readonly graph: string;
      readonly mode: 'apply' | 'check';
      readonly jobs: number;
      readonly nodes: number;
      readonly hosts: readonly HostName[];
    }
  | ({ readonly type: 'job-started'; readonly at: number; readonly kind: string; readonly title: string } & JobName)
  /** The precheck answered `needed` and work begins on the host. */
  | ({ readonly type: 'job-acting'; readonly at: number; readonly because: string; readonly attempt: number } & JobName)
  /** `attempt` failed; the next one looks again after `waitMs`. */
  | ({
      readonly type: 'job-retry';
      readonly at: number;
      readonly attempt: number;
      readonly waitMs: number;
      readonly error: ErrorReport;
    } & JobName)
  /** `unit` bytes: an upload or a download; count: n of m of something. `total` is missing where it is not known. */
  | ({
      readonly type: 'job-progress';
      readonly at: number;
      readonly done: number;
      readonly total?: number;
      readonly unit: 'bytes' | 'count';
    } & JobName)
  | ({
      readonly type: 'job-log';
      readonly at: number;
      readonly level: 'info' | 'warn' | 'debug';
      readonly message: string;
      readonly data?: Json;
    } & JobName)
  | ({
      readonly type: 'job-finished';
      readonly at: number;
      readonly ms: number;
      readonly kind: string;
      readonly title: string;
      readonly outcome: JobOutcome;
    } & JobName)
  | ({ readonly type: 'rollback-started'; readonly at: number; readonly title: string } & JobName)
  | ({
      readonly type: 'rollback-finished';
      readonly at: number;
      readonly outcome:
        | { readonly state: 'rolled-back' }
        | { readonly state: 'cannot'; readonly because: string }
        | { readonly state: 'failed'; readonly error: ErrorReport };
    } & JobName)
  /** First Ctrl-C: nothing new starts. Second: what runs is aborted. */
  | { readonly type: 'run-stopping'; readonly at: number; readonly how: 'drain' | 'abort' }
  | {
      readonly type: 'run-finished';
      readonly at: number;
      readonly ms: number;
      readonly state: 'done' | 'failed' | 'interrupted';
      readonly totals: RunTotals;
    };
