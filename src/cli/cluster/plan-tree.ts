import type { JobOutcome } from '../../engine/index.js';
import { plural, printable, type Style, shortList } from '../../logger/index.js';

/** What one host answered to one step of the plan. */
export interface CheckedJob {
  readonly node: string;
  readonly host: string;
  readonly title: string;
  readonly state: JobOutcome['state'];
  readonly because: string;
}

const symbols: Readonly<Record<JobOutcome['state'], string>> = {
  'would-change': '+',
  changed: '+',
  waits: '…',
  satisfied: '✔',
  failed: '✖',
  cancelled: '-',
};

/**
 * The plan as a tree with what would be done where, and why. Without `all`, what is as wanted already is only counted, by the group it is in.
 * `graph` gives the order; groups stand at the place of their first node.
 */
export function formatCheckedPlan(
  graph: { readonly name: string; readonly nodes: readonly { readonly id: string }[] },
  jobs: readonly CheckedJob[],
  { all, style }: { all: boolean; style: Style },
): string {
  const byNode = groupBy(jobs, (job) => job.node);
  const root = newGroup(graph.name);
  for (const { id } of graph.nodes) addNode(root, pathOf(id, graph.name), byNode.get(id) ?? [], all);
  return [style.bold(graph.name), ...formatGroup(root, 1, style)].join('\n');
}

interface Group {
  readonly name: string;
  readonly groups: Map<string, Group>;
  readonly lines: { name: string; jobs: readonly CheckedJob[] }[];
  satisfied: number;
}

function newGroup(name: string): Group {
  return { name, groups: new Map(), lines: [], satisfied: 0 };
}

function addNode(root: Group, path: readonly string[], jobs: readonly CheckedJob[], all: boolean): void {
  let group = root;
  for (const name of path.slice(0, -1)) {
    const next = group.groups.get(name) ?? newGroup(name);
    group.groups.set(name, next);
    group = next;
  }
  const shown = all ? jobs : jobs.filter((job) => job.state !== 'satisfied');
  group.satisfied += jobs.length - shown.length;
  if (shown.length > 0) group.lines.push({ name: path.at(-1) ?? '', jobs: shown });
}

function formatGroup(group: Group, depth: number, style: Style): string[] {
  const indent = '  '.repeat(depth);
  const lines = group.lines.flatMap((line) => formatNode(line, indent, style));
  for (const inner of group.groups.values()) {
    const quiet = quietJobs(inner);
    // A group in which nothing would happen is one line.
    if (quiet !== undefined) lines.push(style.dim(`${indent}${inner.name}  ✔ ${plural(quiet, 'job')} as wanted`));
    else lines.push(`${indent}${inner.name}`, ...formatGroup(inner, depth + 1, style));
  }
  if (group.satisfied > 0) lines.push(style.dim(`${indent}✔ ${plural(group.satisfied, 'job')} as wanted`));
  return lines;
}

/** Number of jobs of a group that is satisfied as a whole; undefined where it is not. */
function quietJobs(group: Group): number | undefined {
  if (group.lines.length > 0) return undefined;
  let sum = group.satisfied;
  for (const inner of group.groups.values()) {
    const jobs = quietJobs(inner);
    if (jobs === undefined) return undefined;
    sum += jobs;
  }
  return sum;
}

/** Hosts that say the same of the same step share a line. */
function formatNode(
  { name, jobs }: { name: string; jobs: readonly CheckedJob[] },
  indent: string,
  style: Style,
): string[] {
  const alike = groupBy(jobs, ({ state, title, because }) => `${state}\n${title}\n${because}`);
  return [...alike.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const paint = first.state === 'failed' ? style.red : first.state === 'would-change' ? style.cyan : style.dim;
    const hosts = shortList(
      same.map(({ host }) => host),
      8,
    );
    return [
      `${indent}${paint(`${symbols[first.state]} ${name}`)}  ${printable(first.title)}  [${hosts}]  ${style.dim(printable(first.because))}`,
    ];
  });
}

function pathOf(id: string, graph: string): string[] {
  if (id.startsWith('/')) return ['shared', id];
  const path = id.split('/');
  return path[0] === graph && path.length > 1 ? path.slice(1) : path;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
