import type { Issue } from '../apis/kubexms/v1alpha1/index.js';
import { pathText } from '../apis/kubexms/v1alpha1/index.js';
import type { Diagnostic } from './diagnostic.js';
import { maskLine } from './masking.js';
import type { Span } from './position.js';

/** Wider lines are cut around their carets. */
const widest = 120;

/** A text whose places can be shown. */
export interface Source {
  diagnose(issue: Issue, span: Span): Diagnostic;
}

/** `secrets` are the spans that no excerpt may show. */
export function source(text: string, file: string, secrets: readonly Span[]): Source {
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  return {
    diagnose({ severity, code, message, path, hint }, span) {
      // A fault of the indentation is shown at the first thing that is indented.
      const from = Math.min(
        span.from + (/^[ \t]+(?=\S)/.exec(text.slice(span.from, span.from + 200))?.[0].length ?? 0),
        text.length,
      );
      const row = Math.max(
        starts.findLastIndex((start) => start <= from),
        0,
      );
      const start = starts[row] ?? 0;
      const line = text.slice(start, (starts[row + 1] ?? text.length + 1) - 1).replace(/\r$/, '');
      const place = { file, line: row + 1, column: from - start + 1 };
      const excerpt = excerptOf(line, start, { from, to: Math.min(span.to, start + line.length) }, secrets);
      return {
        severity,
        code,
        message,
        ...place,
        path: pathText(path),
        ...(hint === undefined ? {} : { hint }),
        excerpt,
      };
    },
  };
}

function excerptOf(line: string, start: number, span: Span, secrets: readonly Span[]): string {
  if (line.trim() === '') return '';
  const { text, shift } = maskLine(line.replaceAll('\t', ' '), start, secrets);
  const column = Math.max(Math.min(shift(span.from - start), text.length), 0);
  const width = Math.max(Math.min(shift(span.to - start), text.length) - column, 1);
  const indent = text.length - text.trimStart().length;
  // Indentation says nothing here; a long line is shown from a little before the place.
  const cut = column - indent + width > widest ? Math.max(column - 20, 0) : Math.min(indent, column);
  const shown = text.slice(cut, cut + widest).trimEnd();
  return `${shown}\n${' '.repeat(column - cut)}${'^'.repeat(Math.min(width, Math.max(shown.length - (column - cut), 1)))}`;
}
