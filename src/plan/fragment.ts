import { invalidGraph } from './invalid.js';
import { type FragmentParts, isShared, mergeInto, withLinks } from './merge.js';
import type { Edge, EdgeKind, ExecutionFragment, FragmentNode, Target } from './types.js';

/** No work at all: the identity of `sequence` and `parallel`. */
export function empty<Ctx>(): ExecutionFragment<Ctx> {
  return freeze({ nodes: new Map(), provides: new Map() });
}

/** All operands side by side. Shared nodes that several have become one; milestones may order across operands. */
export function parallel<Ctx>(...fragments: readonly ExecutionFragment<Ctx>[]): ExecutionFragment<Ctx> {
  const parts = emptyParts<Ctx>();
  for (const fragment of fragments) mergeInto(parts, fragment);
  return freeze(parts);
}

/** The same as `parallel`: the union of what the operands plan. */
export const mergeFragments = parallel;

/**
 * One operand after the other: every job of an operand waits for all jobs of the operands before it. Shared nodes are
 * the exception: they wait for what they name themselves and for nothing else.
 */
export function sequence<Ctx>(...fragments: readonly ExecutionFragment<Ctx>[]): ExecutionFragment<Ctx> {
  const parts = emptyParts<Ctx>();
  let exits: readonly string[] = [];
  for (const fragment of fragments) {
    const before = parts.nodes;
    const fresh = fragmentEntries(fragment).filter((id) => !before.has(id));
    const freshExits = fresh.length === 0 ? [] : fragmentExits(fragment).filter((id) => !before.has(id));
    const edges = exits.map((node): Edge => Object.freeze({ node, kind: 'barrier' }));
    mergeInto(parts, fragment);
    if (fresh.length === 0) {
      exits = fragmentExits(parts);
      continue;
    }
    addEdges(parts.nodes, fresh, edges);
    exits = freshExits;
  }
  return freeze(parts);
}

/** Prefixes the tree ids of a fragment; shared ids stay. */
export function scoped<Ctx>(name: string, fragment: ExecutionFragment<Ctx>): ExecutionFragment<Ctx> {
  checkName(name);
  const within = (id: string): string => (isShared(id) ? id : `${name}/${id}`);
  const parts = emptyParts<Ctx>();
  for (const node of fragment.nodes.values()) {
    const after = node.after.map((edge) =>
      isShared(edge.node) ? edge : Object.freeze({ ...edge, node: within(edge.node) }),
    );
    parts.nodes.set(within(node.id), Object.freeze({ ...node, id: within(node.id), after: Object.freeze(after) }));
  }
  for (const [milestone, targets] of fragment.provides) {
    const moved = targets.map((target): Target => ('node' in target ? { node: within(target.node) } : target));
    parts.provides.set(milestone, Object.freeze(moved));
  }
  return freeze(parts);
}

/** Adds edges from each node of `from` to each of `to`; throws GRAPH_INVALID for an id that the fragment does not have. */
export function linkNodes<Ctx>(
  fragment: ExecutionFragment<Ctx>,
  from: readonly string[],
  to: readonly string[],
  kind: EdgeKind,
): ExecutionFragment<Ctx> {
  const unknown = [...from, ...to].filter((id) => !fragment.nodes.has(id));
  if (unknown.length > 0) throw invalidGraph('cannot link nodes that are not in the fragment', unknown);
  const nodes = new Map(fragment.nodes);
  addEdges(
    nodes,
    to,
    from.map((node): Edge => Object.freeze({ node, kind })),
  );
  return freeze({ nodes, provides: fragment.provides });
}

/** Ids of the tree nodes with a job that waits for no tree node of the fragment: what must wait for whatever comes before it. */
export function fragmentEntries<Ctx>(fragment: Pick<ExecutionFragment<Ctx>, 'nodes'>): readonly string[] {
  const { nodes } = fragment;
  const entries: string[] = [];
  for (const node of nodes.values()) {
    if (isShared(node.id)) continue;
    const before = node.after.filter((edge) => !isShared(edge.node) && nodes.has(edge.node));
    if (!isCovered(node, before, (id) => nodes.get(id))) entries.push(node.id);
  }
  return entries;
}

/** Ids of the nodes with a job that nothing in the fragment waits for: whoever waits for all of them has waited for everything. */
export function fragmentExits<Ctx>(fragment: Pick<ExecutionFragment<Ctx>, 'nodes'>): readonly string[] {
  const { nodes } = fragment;
  const dependents = new Map<string, Edge[]>();
  for (const node of nodes.values()) {
    for (const edge of node.after) {
      const known = dependents.get(edge.node);
      // A sameHost edge of the dependent covers only the hosts that it has itself.
      const back: Edge =
        edge.kind === 'barrier'
          ? { node: node.id, kind: 'barrier' }
          : { node: node.id, kind: 'sameHost', where: 'present' };
      if (known === undefined) dependents.set(edge.node, [back]);
      else known.push(back);
    }
  }
  const exits: string[] = [];
  for (const node of nodes.values()) {
    if (!isCovered(node, dependents.get(node.id) ?? [], (id) => nodes.get(id))) exits.push(node.id);
  }
  return exits;
}

/** Names are parts of tree paths. */
export function checkName(name: string): void {
  if (name === '' || /^\/|\/$|\/\/|\s/.test(name)) {
    throw invalidGraph(`'${name}' cannot be a name in a plan: no spaces, and no slash at its ends`);
  }
}

/** Whether each job of the node has a neighbour among `edges`. */
function isCovered<Ctx>(
  node: FragmentNode<Ctx>,
  edges: readonly Edge[],
  nodeOf: (id: string) => FragmentNode<Ctx> | undefined,
): boolean {
  if (edges.length === 0) return false;
  if (edges.some((edge) => edge.kind === 'barrier' || edge.where === undefined)) return true;
  const open = new Set(node.jobs.map((job) => job.host));
  for (const edge of edges) {
    for (const job of nodeOf(edge.node)?.jobs ?? []) open.delete(job.host);
    if (open.size === 0) return true;
  }
  return false;
}

function addEdges<Ctx>(nodes: Map<string, FragmentNode<Ctx>>, to: readonly string[], edges: readonly Edge[]): void {
  for (const id of to) {
    const node = nodes.get(id);
    if (node !== undefined) nodes.set(id, withLinks(node, edges, []));
  }
}

function emptyParts<Ctx>(): FragmentParts<Ctx> {
  return { nodes: new Map(), provides: new Map() };
}

function freeze<Ctx>(parts: ExecutionFragment<Ctx>): ExecutionFragment<Ctx> {
  return Object.freeze({ nodes: parts.nodes, provides: parts.provides });
}
