import type * as z from 'zod';
import { type Issue, isWithin, type Path, pathText } from './issue.js';
import { nearest } from './nearest.js';
import { schemaIssues, valueAt } from './schema-issues.js';
import { keysAt } from './schema-walk.js';

/** A document as it was most likely meant. */
export interface Mended {
  readonly document: unknown;
  /** The misspelt keys, at their places in the text. */
  readonly typos: readonly Issue[];
  /** What the schema finds beside them, at its places in `document`. */
  readonly found: readonly Issue[];
  /** Where the text has what `document` has at a path. */
  inText(path: Path): Path;
}

/**
 * Gives misspelt keys the names that were meant, where those are free: so that a `roleGroup` is one problem instead of a
 * cluster without roles, and what is wrong inside it is found as well.
 */
export function mendTypos(schema: z.ZodType, raw: unknown): Mended {
  let document = raw;
  const typos: Issue[] = [];
  const moves: { readonly from: Path; readonly to: Path }[] = [];
  const inText = (path: Path): Path =>
    moves.reduceRight<Path>((at, { from, to }) => (isWithin(at, to) ? [...from, ...at.slice(to.length)] : at), path);
  for (;;) {
    const parsed = schema.safeParse(document);
    const found = parsed.success ? [] : schemaIssues(schema, parsed.error.issues, document);
    const mended = new Map<string, { readonly issue: Issue; readonly to: Path }>();
    for (const issue of found) {
      const to = meantPath(schema, issue);
      if (to === undefined || valueAt(document, to) !== undefined || mended.has(pathText(to))) continue;
      mended.set(pathText(to), { issue, to });
    }
    if (mended.size === 0) return { document, typos, found, inText };
    document = structuredClone(document);
    for (const { issue } of mended.values()) typos.push({ ...issue, path: inText(issue.path) });
    for (const { issue, to } of mended.values()) {
      rename(document, issue.path, to);
      moves.push({ from: issue.path, to });
    }
  }
}

function meantPath(schema: z.ZodType, { code, path }: Issue): Path | undefined {
  const parent = path.slice(0, -1);
  const meant = code === 'unknown-key' ? nearest(String(path.at(-1)), keysAt(schema, parent)) : undefined;
  return meant === undefined ? undefined : [...parent, meant];
}

function rename(document: unknown, from: Path, to: Path): void {
  const parent = valueAt(document, from.slice(0, -1)) as Record<string | number, unknown>;
  const [typed = '', meant = ''] = [from.at(-1), to.at(-1)];
  parent[meant] = parent[typed];
  Reflect.deleteProperty(parent, typed);
}
