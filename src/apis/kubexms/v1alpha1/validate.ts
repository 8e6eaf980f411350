import { checks } from './checks/index.js';
import { type ClusterInput, clusterSchema } from './cluster.js';
import { type Issue, isWithin, type Path } from './issue.js';
import type { PathExpander } from './paths.js';
import { resolve } from './resolve.js';
import type { Cluster } from './types.js';
import { mendTypos } from './typos.js';
import { type UsablePart, usablePart } from './usable-part.js';

/** `cluster` is there exactly when no issue is an error. */
export interface Validation {
  readonly cluster?: Cluster;
  readonly issues: readonly Issue[];
}

/**
 * Looks at a whole document: all problems at once, those of the schema and those across fields. `known` are problems that
 * whoever read the text has found in it; they are not repeated in the result, but what follows from them is left out.
 */
export function validate(raw: unknown, expandPath: PathExpander, known: readonly Issue[] = []): Validation {
  const parsed = clusterSchema.safeParse(raw);
  if (!parsed.success) {
    const { document, typos, found, inText } = mendTypos(clusterSchema, raw);
    const part = usablePart(document, found);
    const across = part === undefined ? [] : issuesAcross(part, [...known, ...found]);
    return { issues: [...typos, ...[...found, ...across].map((issue) => ({ ...issue, path: inText(issue.path) }))] };
  }
  const { data: input } = parsed;
  const issues = issuesAcross(wholePart(input), known);
  if ([...known, ...issues].some(({ severity }) => severity === 'error')) return { issues };
  return { cluster: resolve(input, expandPath), issues };
}

function wholePart(input: ClusterInput): UsablePart {
  const { hosts } = input.spec;
  return { input, hostIndexes: hosts.map((_, i) => i), hostNames: new Set(hosts.map(({ name }) => name)) };
}

/** Leaves out what would only follow from what the schema has found already. */
function issuesAcross({ input, hostIndexes, hostNames }: UsablePart, found: readonly Issue[]): readonly Issue[] {
  const broken = (path: Path) => found.some((issue) => isWithin(issue.path, path) || isWithin(path, issue.path));
  return checks
    .filter(({ relies }) => !relies.some((section) => broken(['spec', section])))
    .flatMap(({ find }) => find({ input, hostNames }))
    .map((issue) => ({ ...issue, path: originalPath(issue.path, hostIndexes) }))
    .filter(({ path }) => !(path[1] === 'hosts' && broken(path.slice(0, 3))) && !broken(path));
}

function originalPath(path: Path, hostIndexes: readonly number[]): Path {
  const [root, section, index, ...rest] = path;
  if (root !== 'spec' || section !== 'hosts' || typeof index !== 'number') return path;
  return [root, section, hostIndexes[index] ?? index, ...rest];
}
