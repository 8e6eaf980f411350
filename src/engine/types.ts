import type { HostName, Json, Output } from '../plan/index.js';

/** What the engine gives to the context of one job. */
export interface JobTools {
  readonly node: string;
  readonly host: HostName;
  /** Aborted on the second Ctrl-C and on the step's timeout. */
  readonly signal: AbortSignal;
  progress(done: number, total: number | undefined, unit: 'bytes' | 'count'): void;
  log(level: 'info' | 'warn' | 'debug', message: string, data?: Json): void;
  /** Value of an output; throws OUTPUT_MISSING where it was never written. */
  read<T extends Json>(output: Output<T>): T;
  write<T extends Json>(output: Output<T>, value: T): void;
}

/** Limits by name; `*` per host. A name without a limit is an error of the caller. */
export interface Limits {
  readonly perHost: number;
  readonly named: Readonly<Record<string, number>>;
}
