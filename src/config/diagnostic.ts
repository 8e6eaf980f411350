import { styleText } from 'node:util';

/** One problem with its place in the text. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** Kebab-case word that stays the same when the message is reworded: `unknown-host`. */
  readonly code: string;
  readonly message: string;
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  /** `spec.hosts[2].address`; empty for the document itself. */
  readonly path: string;
  readonly hint?: string;
  /** The line of the source with carets below it; secrets are masked. */
  readonly excerpt: string;
}

/** `file:line:column: error: message`, then the line with its carets and the hint. */
export function renderDiagnostic(diagnostic: Diagnostic, { color }: { readonly color: boolean }): string {
  const { severity, message, file, line, column, path, hint, excerpt } = diagnostic;
  const paint = (format: 'red' | 'yellow' | 'dim' | 'bold' | 'cyan', text: string) =>
    color ? styleText(format, text, { validateStream: false }) : text;
  const tone = severity === 'error' ? 'red' : 'yellow';
  const [source, carets] = excerpt.split('\n');
  const place = path === '' ? '' : paint('dim', ` (${path})`);
  return [
    `${paint('bold', `${file}:${line}:${column}:`)} ${paint(tone, `${severity}:`)} ${message}${place}`,
    ...(source === undefined || source === '' ? [] : [`  ${source}`, `  ${paint(tone, carets ?? '')}`]),
    ...(hint === undefined ? [] : [`  ${paint('cyan', 'hint:')} ${hint}`]),
  ].join('\n');
}
