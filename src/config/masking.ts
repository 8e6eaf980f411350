import { type Document, isAlias, isPair, isScalar, visit } from 'yaml';
import type { Span } from './position.js';

const secretKeys = new Set(['password', 'sudoPassword', 'privateKeyPassphrase', 'passphrase']);

/** Where secrets are typed into the text; a value that is a reference, `{ env: NAME }`, is none. */
export function secretSpans(document: Document): readonly Span[] {
  const spans: Span[] = [];
  visit(document, {
    Pair(_, { key, value: written }) {
      if (!isScalar(key) || !secretKeys.has(String(key.value))) return;
      const value = isAlias(written) ? written.resolve(document) : written;
      if (isScalar(value) && value.range) spans.push({ from: value.range[0], to: value.range[1] });
      // A list or a map of an unexpected form may hold anything.
      else if (isPair(value) || !looksLikeReference(value)) spans.push(...scalarsBelow(value));
    },
  });
  return spans.filter(({ from, to }) => to > from);
}

/** The text with `***` in place of every span, and where an offset of the old text stands in the new one. */
export function maskLine(
  line: string,
  start: number,
  secrets: readonly Span[],
): { text: string; shift: (offset: number) => number } {
  const cuts = secrets
    .map(({ from, to }) => ({ from: Math.max(from - start, 0), to: Math.min(to - start, line.length) }))
    .filter(({ from, to }) => from < to && from < line.length)
    .sort((a, b) => a.from - b.from);
  let text = '';
  let done = 0;
  for (const { from, to } of cuts) {
    text += `${line.slice(done, from)}***`;
    done = to;
  }
  text += line.slice(done);
  const shift = (offset: number) => cuts.reduce((moved, cut) => moved + shiftBy(cut, offset), offset);
  return { text: maskByWord(text), shift };
}

function shiftBy({ from, to }: Span, offset: number): number {
  if (offset >= to) return 3 - (to - from);
  return offset > from ? Math.min(offset, from + 3) - offset : 0;
}

/** For text that YAML does not understand, and so without spans: whatever follows such a key up to the end of the line. */
function maskByWord(line: string): string {
  return line.replace(
    /((?:password|passphrase)["']?\s*:\s*)(?!\*\*\*|\{|\s|$|#|&|\|\s*$|>\s*$)(?:"[^"]*"?|'[^']*'?|[^,}\n]+)/gi,
    '$1***',
  );
}

function looksLikeReference(value: unknown): boolean {
  const keys = scalarKeys(value);
  return keys.length > 0 && keys.every((key) => ['env', 'file', 'exec', 'prompt'].includes(key));
}

function scalarKeys(value: unknown): readonly string[] {
  const items = (value as { items?: readonly unknown[] } | null)?.items ?? [];
  return items.flatMap((item) => (isPair(item) && isScalar(item.key) ? [String(item.key.value)] : []));
}

function scalarsBelow(value: unknown): readonly Span[] {
  const spans: Span[] = [];
  if (value === null || typeof value !== 'object') return spans;
  visit(value as Parameters<typeof visit>[0], {
    Scalar(key, { range }) {
      if (key !== 'key' && range) spans.push({ from: range[0], to: range[1] });
    },
  });
  return spans;
}
