import type { ErrorReport } from '../engine/index.js';
import { KubexmError } from '../errors/index.js';

/** Whatever a step threw, as plain data for events; secrets are masked by whoever made the error and once more by `redact`. */
export function errorReport(thrown: unknown, redact: (text: string) => string): ErrorReport {
  if (thrown instanceof KubexmError) {
    return {
      code: thrown.code,
      message: redact(thrown.message),
      details: [...thrown.details, ...causes(thrown)].map(redact),
      ...(thrown.hint === undefined ? {} : { hint: redact(thrown.hint) }),
    };
  }
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    code: 'INTERNAL',
    message: redact(error.message),
    details: (error.stack ?? '')
      .split('\n')
      .slice(1, 6)
      .map((line) => redact(line.trim())),
  };
}

function causes(error: Error): string[] {
  const found: string[] = [];
  let { cause } = error;
  while (cause instanceof Error && found.length < 4) {
    // A KubexmError repeats what it wraps in its own details.
    if (!(cause instanceof KubexmError)) found.push(`caused by: ${cause.message}`);
    cause = cause.cause;
  }
  return found;
}
