import { setTimeout as sleep } from 'node:timers/promises';
import { KubexmError } from '../../src/errors/index.js';

/** Asks every 30 ms until the answer is yes. */
export async function until(what: string, timeoutMs: number, ask: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await ask())) {
    if (performance.now() > end) throw new KubexmError('WAIT_TIMEOUT', `waited ${timeoutMs / 1000} s for ${what}`);
    await sleep(30);
  }
}
