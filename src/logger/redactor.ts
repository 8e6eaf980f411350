import type { Secret } from '../secrets/index.js';

/** The last line of defence: whatever is written anywhere passes through `redact`. */
export interface Redactor {
  add(secret: Secret): void;
  redact(text: string): string;
}

// Shorter values are words of ordinary text ("root"): masking them would garble every line and hide nothing.
const shortestValue = 5;
const shortestLine = 16;

/** Replaces the values that it was told, and the usual encodings of them, by `***`. */
export function createRedactor(): Redactor {
  const values = new Set<string>();
  let pattern: RegExp | undefined;
  return {
    add(secret) {
      const before = values.size;
      for (const form of forms(secret.reveal())) values.add(form);
      if (values.size !== before) pattern = undefined;
    },
    redact(text) {
      if (values.size === 0) return text;
      pattern ??= anyOf(values);
      return text.replace(pattern, '***');
    },
  };
}

function forms(value: string): string[] {
  const trimmed = value.trim();
  if (trimmed.length < shortestValue) return [];
  const whole = [
    trimmed,
    JSON.stringify(trimmed).slice(1, -1),
    trimmed.replaceAll("'", `'\\''`),
    encodeURIComponent(trimmed),
    Buffer.from(value).toString('base64'),
    Buffer.from(trimmed).toString('base64'),
  ];
  // A key is often printed line by line, or only its first line reaches a message. Its markers are no secret.
  const lines = trimmed.split(/\r?\n/).filter((line) => line.length >= shortestLine && !line.startsWith('-----'));
  return [...whole, ...(trimmed.includes('\n') ? lines : [])];
}

function anyOf(values: ReadonlySet<string>): RegExp {
  // Longest first: a value that contains another is masked whole.
  const sorted = [...values].sort((a, b) => b.length - a.length);
  return new RegExp(sorted.map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
}
