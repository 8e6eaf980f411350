import type { Output } from '../../plan/index.js';

/** A unit by its name, with or without `.service`. */
export interface ServiceName {
  readonly service: string;
}

export interface StopService extends ServiceName {
  /** It is not kubexm's own: that it ran, and at boot, is kept on the host for the day the host is given back. */
  readonly remember?: boolean;
}

export interface StartService {
  readonly service: string;
  /** Files that the service reads: recorded at the start, so that `restartService` knows whether they changed since. */
  readonly inputs?: readonly string[];
}

export interface RestartService {
  readonly service: string;
  /** Files on the host; the service is restarted when it runs with other contents than they have now. */
  readonly inputs: readonly string[];
}

export interface RestartPending extends RestartService {
  /** Filled with the reason, and empty where there is none. */
  readonly output: Output<string>;
}

export interface DaemonReload {
  /** Units whose files may have changed. */
  readonly units: readonly string[];
}

export interface IsServiceActive {
  readonly service: string;
  /** How long to wait until it is active, in ms. Default 60000. */
  readonly waitMs?: number;
  /** How long it must stay so without a restart, in ms. Default 1000. */
  readonly stableMs?: number;
}
