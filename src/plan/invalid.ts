import { KubexmError } from '../errors/index.js';

/** A mistake in how a plan was put together. */
export function invalidGraph(message: string, details: readonly string[] = []): KubexmError {
  return new KubexmError('GRAPH_INVALID', message, { details, retryable: false });
}
