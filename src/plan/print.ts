import { foldHosts } from './fold-hosts.js';
import { sortKeys } from './json.js';
import { isShared } from './merge.js';
import type { EdgeKind, ExecutionGraph, GraphNode, Json, StepPolicy } from './types.js';

/** A plan as data: what `cluster plan -o json` prints. The same plan always prints the same. */
export interface PlanJson {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly nodes: readonly PlanNodeJson[];
}

/** One node of a printed plan. */
export interface PlanNodeJson {
  readonly id: string;
  readonly jobs: readonly {
    readonly host: string;
    readonly kind: string;
    readonly title: string;
    readonly params: Json;
    readonly uses?: readonly string[];
    readonly writes?: readonly string[];
    readonly policy?: StepPolicy;
    /** It knows how to put back what was there before. */
    readonly canUndo: boolean;
  }[];
  readonly after: readonly { readonly node: string; readonly kind: EdgeKind }[];
}

/** The graph without its functions. */
export function graphToJson<Ctx>(graph: ExecutionGraph<Ctx>): PlanJson {
  return {
    name: graph.name,
    hosts: graph.hosts,
    nodes: graph.nodes.map(({ id, jobs, after }) => ({
      id,
      jobs: jobs.map(({ host, step: { kind, title, params, uses, writes, policy, rollback } }) => ({
        host,
        kind,
        title,
        params: sortKeys(params),
        ...(uses === undefined ? {} : { uses }),
        ...(writes === undefined ? {} : { writes }),
        ...(policy === undefined ? {} : { policy }),
        canUndo: rollback !== undefined,
      })),
      after: after.map(({ node, kind }) => ({ node, kind })),
    })),
  };
}

/** The graph as a tree: what is done, and where. */
export function graphToText<Ctx>(graph: ExecutionGraph<Ctx>): string {
  const lines: string[] = [];
  let open: readonly string[] = [];
  for (const { path, node } of inTreeOrder(graph)) {
    const groups = path.slice(0, -1);
    let depth = 0;
    while (depth < groups.length && groups[depth] === open[depth]) depth += 1;
    for (; depth < groups.length; depth += 1) lines.push(`${'  '.repeat(depth)}${groups[depth]}`);
    open = groups;
    const indent = '  '.repeat(groups.length);
    for (const [index, { title, hosts }] of titlesOf(node).entries()) {
      const name = index === 0 ? path.at(-1) : '';
      lines.push(`${`${indent}${name}`.padEnd(44)} ${title}  [${foldHosts(hosts)}]`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The nodes in DOT, for Graphviz. Dashed edges hold host by host. */
export function graphToDot<Ctx>(graph: ExecutionGraph<Ctx>): string {
  const lines = [`digraph ${JSON.stringify(graph.name)} {`, '  rankdir=LR;', '  node [shape=box];'];
  for (const node of graph.nodes) {
    const label = `${node.id}\n${foldHosts(node.jobs.map((job) => job.host))}`;
    lines.push(`  ${JSON.stringify(node.id)} [label=${JSON.stringify(label)}];`);
  }
  for (const node of graph.nodes) {
    for (const edge of node.after) {
      const style = edge.kind === 'sameHost' ? ' [style=dashed]' : '';
      lines.push(`  ${JSON.stringify(edge.node)} -> ${JSON.stringify(node.id)}${style};`);
    }
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

/** The nodes as a Mermaid flowchart. Dotted edges hold host by host. */
export function graphToMermaid<Ctx>(graph: ExecutionGraph<Ctx>): string {
  const short = new Map(graph.nodes.map((node, index) => [node.id, `n${index}`]));
  const lines = ['flowchart LR'];
  for (const node of graph.nodes) {
    const label = `${node.id}<br/>${foldHosts(node.jobs.map((job) => job.host))}`;
    lines.push(`  ${short.get(node.id)}["${label.replaceAll('"', '#quot;')}"]`);
  }
  for (const node of graph.nodes) {
    for (const edge of node.after) {
      lines.push(`  ${short.get(edge.node)} ${edge.kind === 'sameHost' ? '-.->' : '-->'} ${short.get(node.id)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Groups stand together, in the order of their first node; shared work comes first. */
function inTreeOrder<Ctx>(
  graph: ExecutionGraph<Ctx>,
): readonly { readonly path: readonly string[]; readonly node: GraphNode<Ctx> }[] {
  const firstOf = new Map<string, number>();
  const rows = graph.nodes.map((node, index) => {
    const path = isShared(node.id) ? ['shared', node.id] : node.id.split('/');
    const keys: number[] = [isShared(node.id) ? 0 : 1];
    let prefix = '';
    for (const part of path) {
      prefix = `${prefix}\n${part}`;
      const first = firstOf.get(prefix) ?? index;
      firstOf.set(prefix, first);
      keys.push(first);
    }
    return { path, node, keys };
  });
  return rows.sort((a, b) => compareKeys(a.keys, b.keys));
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const TITLES_SHOWN = 4;

/** Hosts by title. A node whose title differs on every one of many hosts shows a few and counts the rest. */
function titlesOf<Ctx>(node: GraphNode<Ctx>): readonly { readonly title: string; readonly hosts: readonly string[] }[] {
  const hostsByTitle = new Map<string, string[]>();
  for (const { host, step } of node.jobs) {
    const hosts = hostsByTitle.get(step.title);
    if (hosts === undefined) hostsByTitle.set(step.title, [host]);
    else hosts.push(host);
  }
  const rows = [...hostsByTitle].map(([title, hosts]) => ({ title, hosts }));
  if (rows.length <= TITLES_SHOWN) return rows;
  const rest = rows.slice(TITLES_SHOWN - 1);
  return [
    ...rows.slice(0, TITLES_SHOWN - 1),
    { title: `and ${rest.length} more of its kind`, hosts: rest.flatMap((row) => row.hosts) },
  ];
}
