import type { Json, Output } from '../plan/index.js';
import type { HostRunner } from '../runner/index.js';
import type { Secret } from '../secrets/index.js';

/** Stands in params for a secret; the value is fetched at run time. `file:PATH` names a file of the control machine. */
export interface SecretRef {
  readonly $secret: string;
}

/** What a step sees: one host and its shell. Never the config. */
export interface StepContext {
  readonly host: HostRunner;
  /** Aborted when the run is, and when the step's time is over; pass it to whatever waits. */
  readonly signal: AbortSignal;
  progress(done: number, total: number | undefined, unit: 'bytes' | 'count'): void;
  log(level: 'info' | 'warn' | 'debug', message: string, data?: Json): void;
  read<T extends Json>(output: Output<T>): T;
  write<T extends Json>(output: Output<T>, value: T): void;
  secret(ref: SecretRef): Promise<Secret>;
  /** Text of a file of templates/, the user's override directory first. */
  template(name: string): Promise<string>;
}
