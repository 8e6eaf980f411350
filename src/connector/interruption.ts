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

/**
 * The promise's outcome, unless the signal or the time comes first: then `stop` is called and the call fails with CANCELLED or
 * COMMAND_TIMEOUT without waiting for it.
 */
export async function interruptible<T>(
  name: string,
  promise: Promise<T>,
  { signal, timeoutMs }: InterruptionOptions,
  stop: () => void = () => {},
): Promise<T> {
  if (signal === undefined && timeoutMs === undefined) return promise;
  let finish = (): void => {};
  const interruption = new Promise<never>((_, reject) => {
    const interrupt = (error: KubexmError): void => {
      reject(error);
      stop();
    };
    const onAbort = (): void => interrupt(cancelled(name));
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => interrupt(timedOut(name, timeoutMs)), Math.min(timeoutMs, 2 ** 31 - 1));
    signal?.addEventListener('abort', onAbort, { once: true });
    finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    if (signal?.aborted) onAbort();
  });
  promise.catch(() => {}); // an interrupted one has nobody left to hear of its failure
  try {
    return await Promise.race([interruption, promise]);
  } finally {
    finish();
  }
}

function timedOut(name: string, timeoutMs: number): KubexmError {
  return new KubexmError('COMMAND_TIMEOUT', `a command on ${name} did not end within ${timeoutMs / 1000} s`);
}
