import { setTimeout as sleep } from 'node:timers/promises';
import { KubexmError } from '../errors/index.js';

export interface InterruptionOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Error of a command that was cancelled by its signal. */
export function cancelled(name: string): KubexmError {
  return new KubexmError('CANCELLED', `cancelled on ${name}`, { retryable: false });
}

/** Error of use after close(), and of what close() cut off. */
export function connectorClosed(name: string): KubexmError {
  return new KubexmError('CONNECTOR_CLOSED', `the connection to ${name} was closed`, { retryable: false });
}

/** An interrupted command is to be over before anything else is tried; but not at the price of hanging. */
const stopWithinMs = 2000;

/**
 * The promise's outcome, unless the signal or the time comes first: then the call fails with CANCELLED or COMMAND_TIMEOUT as soon as
 * `stop` is done.
 */
export function interruptible<T>(
  name: string,
  promise: Promise<T>,
  { signal, timeoutMs }: InterruptionOptions,
  stop?: () => Promise<void>,
): Promise<T> {
  if (signal === undefined && timeoutMs === undefined) return promise;
  return withInterruption(name, promise, { signal, timeoutMs }, stop);
}

async function withInterruption<T>(
  name: string,
  promise: Promise<T>,
  { signal, timeoutMs }: InterruptionOptions,
  stop: (() => Promise<void>) | undefined,
): Promise<T> {
  let finish = (): void => {};
  const interruption = new Promise<KubexmError>((resolve) => {
    const onAbort = (): void => resolve(cancelled(name));
    const ms = timeoutMs === undefined ? undefined : Math.min(timeoutMs, 2 ** 31 - 1);
    const timer = ms === undefined ? undefined : setTimeout(() => resolve(timedOut(name, ms)), ms);
    signal?.addEventListener('abort', onAbort, { once: true });
    finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    if (signal?.aborted === true) onAbort();
  });
  promise.catch(() => {}); // an interrupted one has nobody left to hear of its failure
  try {
    const first = await Promise.race([interruption, promise.then((value) => ({ value }))]);
    if (!(first instanceof KubexmError)) return first.value;
    if (stop) await atMost(stop(), stopWithinMs);
    throw first;
  } finally {
    finish();
  }
}

/** Waits for something that may fail or hang, but no longer than this. */
export async function atMost(promise: Promise<unknown>, ms: number): Promise<void> {
  const giveUp = new AbortController();
  const settled = promise.then(
    () => {},
    () => {},
  );
  await Promise.race([settled, sleep(ms, undefined, { signal: giveUp.signal }).catch(() => {})]);
  giveUp.abort();
}

function timedOut(name: string, timeoutMs: number): KubexmError {
  return new KubexmError('COMMAND_TIMEOUT', `a command on ${name} did not end within ${timeoutMs / 1000} s`);
}
