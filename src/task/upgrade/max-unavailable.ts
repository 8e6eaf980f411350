import { KubexmError } from '../../errors/index.js';

/**
 * How many of so many nodes may be away at once, for `3` or `25%`: a share is rounded down, so that never more are away than
 * was said, but for the one without which nothing would go on. Throws USAGE for anything else.
 */
export function maxUnavailable(text: string, nodes: number): number {
  const [, digits = '', percent] = /^(\d{1,9})(%)?$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === '' || number === 0 || (percent !== undefined && number > 100)) {
    throw new KubexmError('USAGE', `--max-unavailable ${text} is neither a number of nodes nor a share of them`, {
      hint: '--max-unavailable 2, or --max-unavailable 20%',
      retryable: false,
    });
  }
  const allowed = percent === undefined ? number : Math.floor((nodes * number) / 100);
  return Math.max(1, Math.min(allowed, nodes));
}

/** The nodes in batches of at most so many, in their order. */
export function inBatches<T>(nodes: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(nodes.length / size) }, (_, batch) =>
    nodes.slice(batch * size, (batch + 1) * size),
  );
}
