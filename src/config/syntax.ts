import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  visit,
  type YAMLParseError,
} from 'yaml';
import type { Issue, Path } from '../apis/kubexms/v1alpha1/index.js';
import type { Span } from './position.js';

/** An issue of the YAML itself, which knows its place already. */
export interface PlacedIssue {
  readonly issue: Issue;
  readonly span: Span;
}

const stray = 'this belongs neither to the list nor to the map above; is it indented as the lines around it?';

/** By the code of the error, or by its text. */
const explained: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'YAML is indented with spaces, not with tabs',
  BLOCK_AS_IMPLICIT_KEY: 'this line is a key inside another value; is a line break or a quote missing?',
  MULTILINE_IMPLICIT_KEY: stray,
  'Sequence item without - indicator': stray,
};

/** The first fault of the YAML in plain words; those after it are mostly its echo. */
export function syntaxIssue([first]: readonly YAMLParseError[]): PlacedIssue | undefined {
  if (first === undefined) return undefined;
  const message =
    explained[first.code] ?? explained[first.message] ?? first.message.charAt(0).toLowerCase() + first.message.slice(1);
  const [from, to] = first.pos;
  return {
    issue: { severity: 'error', code: 'syntax', path: [], message },
    span: { from, to: Math.max(to, from + 1) },
  };
}

/** Aliases without their anchor, which YAML itself only misses when the value is used. */
export function unresolvedAlias(document: Document): PlacedIssue | undefined {
  let found: PlacedIssue | undefined;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      const [from, to] = alias.range ?? [0, 1];
      const message = `no anchor before it is named &${alias.source}`;
      found = { issue: { severity: 'error', code: 'syntax', path: [], message }, span: { from, to } };
      return visit.BREAK;
    },
  });
  return found;
}

/** Keys that stand twice in one map: YAML would take the last and say nothing. */
export function duplicateKeys(document: Document, text: string): readonly PlacedIssue[] {
  const lines = new LineCounter();
  lines.lineStarts.push(0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1));
  return duplicatesBelow(document.contents, [], (offset) => lines.linePos(offset).line);
}

function duplicatesBelow(node: unknown, path: Path, lineOf: (offset: number) => number): readonly PlacedIssue[] {
  if (isSeq(node)) return node.items.flatMap((item, i) => duplicatesBelow(item, [...path, i], lineOf));
  if (!isMap(node)) return [];
  const first = new Map<string, Node>();
  return node.items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : '';
    const here = [...path, name];
    const below = duplicatesBelow(value, here, lineOf);
    if (!isNode(key) || !key.range || name === '<<') return below;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, key);
    if (!earlier?.range) return below;
    const message = `"${name}" stands on line ${lineOf(earlier.range[0])} already`;
    const issue: Issue = { severity: 'error', code: 'duplicate-key', path: here, message, at: 'key' };
    return [{ issue, span: { from: key.range[0], to: key.range[1] } }, ...below];
  });
}
