import { homedir } from 'node:os';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { type Document, isMap, parseAllDocuments } from 'yaml';
import { type Cluster, type Issue, type PathExpander, validate } from '../apis/kubexms/v1alpha1/index.js';
import { asError } from '../errors/index.js';
import type { Diagnostic } from './diagnostic.js';
import { secretSpans } from './masking.js';
import { type Span, spanOf } from './position.js';
import { source } from './source.js';
import { duplicateKeys, syntaxIssue, unresolvedAlias } from './syntax.js';

/** `cluster` is there exactly when no diagnostic is an error. */
export interface Loaded {
  readonly cluster?: Cluster;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a config: all its problems at once, in the order of the text, each with its place. Paths in it are relative to `file`. */
export function loadCluster(text: string, file: string): Loaded {
  const documents = parse(text);
  const secrets = documents.flatMap(secretSpans);
  const { diagnose } = source(text, file, secrets);
  const [document, second] = documents;
  const whole = (message: string, hint: string, span: Span): Loaded => {
    const issue: Issue = { severity: 'error', code: 'document', path: [], message, hint };
    return { diagnostics: [diagnose(issue, span)] };
  };
  const broken = syntaxIssue(documents.flatMap(({ errors }) => errors)) ?? documents.map(unresolvedAlias).find(Boolean);
  if (broken !== undefined) return { diagnostics: [diagnose(broken.issue, broken.span)] };
  if (document === undefined || document.contents === null) {
    return whole('the file is empty', '`kubexm config init` writes one to start from', { from: 0, to: 0 });
  }
  if (second !== undefined) {
    const from = second.range[0];
    return whole('a config is one YAML document; here starts a second one', 'remove the line "---"', {
      from,
      to: from + 1,
    });
  }
  if (!isMap(document.contents)) {
    return whole(
      'a config is a map that starts with apiVersion and kind',
      'apiVersion: kubexms.io/v1alpha1',
      spanOf(document, [], 'value'),
    );
  }
  const raw = plainData(document);
  if (raw instanceof Error)
    return whole(raw.message, 'write the values out where they are needed', spanOf(document, [], 'value'));
  const twice = duplicateKeys(document, text);
  const known = twice.map(({ issue }) => issue);
  const { cluster, issues } = validate(withoutNothing(raw), pathsBeside(file), known);
  const diagnostics = [
    ...twice.map(({ issue, span }) => diagnose(issue, span)),
    ...issues.map((issue) => diagnose(issue, spanOf(document, issue.path, issue.at ?? 'value'))),
  ].sort((a, b) => a.line - b.line || a.column - b.column);
  return cluster === undefined ? { diagnostics } : { cluster, diagnostics };
}

function parse(text: string): readonly Document.Parsed[] {
  // duplicateKeys() says more about keys that stand twice; merge lets people write `<<: *defaults`.
  const documents = parseAllDocuments(text, { prettyErrors: false, merge: true, uniqueKeys: false });
  return 'empty' in documents ? [] : documents;
}

/** Fails on aliases that multiply without end, and on `<<` of something that is no map. */
function plainData(document: Document): unknown {
  try {
    return document.toJS();
  } catch (thrown) {
    return asError(thrown);
  }
}

/** A key without a value (`kubelet:`) counts as absent, but for free data, where null may be meant. */
function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNothing);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(
    entries.map(([key, inner]) => [key, key === 'extraConfig' ? inner : withoutNothing(inner)]),
  );
}

function pathsBeside(file: string): PathExpander {
  return (path) => {
    if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
    return isAbsolute(path) ? normalize(path) : join(dirname(file), path);
  };
}
