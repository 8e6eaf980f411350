import { setTimeout as sleep } from 'node:timers/promises';
import { asError, type ErrorCode, KubexmError } from '../../../errors/index.js';

/** `attempts` counts the first one, for each address; the pause doubles after each. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly backoffMs: number;
}

export const defaultRetries: RetryPolicy = { attempts: 4, backoffMs: 500 };

/**
 * Tries the addresses in their order, each again after a fault that may pass, until one works. A fault that is this
 * machine's own (a full disk) ends it at once. Throws what the last address did wrong, with the others' faults beside it.
 */
export async function firstThatWorks<T>(
  urls: readonly string[],
  {
    signal,
    retries,
    onRetry,
  }: { readonly signal: AbortSignal; readonly retries: RetryPolicy; onRetry(error: Error): void },
  attempt: (url: string) => Promise<T>,
): Promise<T> {
  const failures: KubexmError[] = [];
  for (const url of urls) {
    for (let count = 1; ; count += 1) {
      try {
        return await attempt(url);
      } catch (error) {
        if (signal.aborted) throw asError(signal.reason);
        const failure = downloadFailure(error);
        if (!failure) throw error;
        if (!failure.retryable || count >= retries.attempts) {
          failures.push(failure);
          break;
        }
        onRetry(failure);
        await sleep(retries.backoffMs * 2 ** (count - 1), undefined, { signal }).catch(() => {
          throw asError(signal.reason);
        });
      }
    }
  }
  throw summary(failures);
}

const mirrorsFaults: readonly ErrorCode[] = ['ARTIFACT_DOWNLOAD', 'ARTIFACT_CHECKSUM'];

function downloadFailure(error: unknown): KubexmError | undefined {
  return error instanceof KubexmError && mirrorsFaults.includes(error.code) ? error : undefined;
}

/** One failure as it is; of several the gravest, which is a wrong digest, with all others as its details. */
function summary(failures: readonly KubexmError[]): KubexmError {
  const main = failures.find(({ code }) => code === 'ARTIFACT_CHECKSUM') ?? failures.at(-1);
  if (!main) return new KubexmError('ARTIFACT_DOWNLOAD', 'no address to download from is given', { retryable: false });
  const others = failures.filter((failure) => failure !== main).map(({ message }) => message);
  return new KubexmError(main.code, main.message, {
    hint: main.hint,
    details: [...main.details, ...others],
    cause: main.cause,
    // Everything that could be tried again was.
    retryable: false,
  });
}
