import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import { defineStep, needed, satisfied } from '../define.js';

/** `because`: who makes the file, for the error. */
export interface WaitForFile {
  readonly path: string;
  readonly because: string;
  readonly waitMs: number;
}

/** Waits until something else on the host has made a file. */
export const waitForFile = defineStep<WaitForFile>({
  kind: 'file.wait',
  title: (p) => `Wait for ${p.path}`,
  recheck: false,
  waits: true,
  async precheck({ host, signal }, p) {
    return (await host.stat(p.path, { signal })) ? satisfied('it is there') : needed(p.because);
  },
  async run({ host, signal }, p) {
    const answer = await pollUntil(async () => ({ done: (await host.stat(p.path, { signal })) !== undefined }), {
      timeoutMs: p.waitMs,
      intervalMs: 250,
      signal,
    });
    if (!answer.done) {
      throw new KubexmError(
        'WAIT_TIMEOUT',
        `${host.name}: ${p.path} did not appear within ${p.waitMs / 1000} s: ${p.because}`,
      );
    }
  },
});
