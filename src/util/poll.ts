import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks until the answer is `done`, at once and then every `intervalMs`. Returns the last answer when the time is over, so
 * that the caller can say what was still missing.
 */
export async function pollUntil<T extends { readonly done: boolean }>(
  ask: () => Promise<T>,
  {
    timeoutMs,
    intervalMs,
    signal,
  }: { readonly timeoutMs: number; readonly intervalMs: number; readonly signal: AbortSignal },
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer.done || performance.now() + intervalMs > end) return answer;
    await sleep(intervalMs, undefined, { signal });
  }
}
