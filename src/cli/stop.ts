import type { StopSignals } from '../engine/index.js';

/** The signals of a run, driven by Ctrl-C: the first lets running steps finish, the second aborts them, the third ends the process. */
export interface StopOnSignals {
  readonly stop: StopSignals;
  /** Signals end the process again, as they do by default. */
  release(): void;
}

const handled = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `endProcess`: what the third signal does. */
export function stopOnSignals(
  source: NodeJS.Process = process,
  endProcess: () => void = () => process.exit(130),
): StopOnSignals {
  const drain = new AbortController();
  const abort = new AbortController();
  const onSignal = () => {
    if (!drain.signal.aborted) drain.abort();
    else if (!abort.signal.aborted) abort.abort();
    else endProcess();
  };
  for (const signal of handled) source.on(signal, onSignal);
  return {
    stop: { drain: drain.signal, abort: abort.signal },
    release() {
      for (const signal of handled) source.off(signal, onSignal);
    },
  };
}
