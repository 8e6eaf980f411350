import type { YAMLParseError } from 'yaml';
import type { Issue } from '../apis/kubexms/v1alpha1/index.js';
import type { Span } from './position.js';

/** `harmless`: the rest of the document can still be read. */
interface SyntaxIssue {
  readonly issue: Issue;
  readonly span: Span;
  readonly harmless: boolean;
}

const explained: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'YAML is indented with spaces, not with tabs',
  BAD_INDENT: 'the indentation does not fit the lines around it',
  MISSING_CHAR: 'a closing bracket, brace, quote or comma is missing',
  BLOCK_AS_IMPLICIT_KEY: 'this line is a key inside another value; is a line break or a quote missing?',
  MULTILINE_IMPLICIT_KEY: 'a key must end with ":" on its own line',
  UNEXPECTED_TOKEN: 'this does not belong here',
  BAD_ALIAS: 'no anchor (&name) before it has this name',
};

/** A fault of the YAML itself in plain words. */
export function syntaxIssue({ code, message, pos: [from, to] }: YAMLParseError): SyntaxIssue {
  const duplicate = code === 'DUPLICATE_KEY';
  const text = duplicate ? 'this key stands here a second time' : (explained[code] ?? lowerFirst(message));
  return {
    issue: { severity: 'error', code: duplicate ? 'duplicate-key' : 'syntax', path: [], message: text },
    span: { from, to: Math.max(to, from + 1) },
    harmless: duplicate,
  };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
