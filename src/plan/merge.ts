import { invalidGraph } from './invalid.js';
import { jsonEqual } from './json.js';
import type { Edge, ExecutionFragment, FragmentNode, Need, Step, Target } from './types.js';

/** The growing form of a fragment, inside one function only. */
export interface FragmentParts<Ctx> {
  readonly nodes: Map<string, FragmentNode<Ctx>>;
  readonly provides: Map<string, readonly Target[]>;
}

/** A shared node (its id starts with `/`) is the same work whoever asks for it, and runs as early as it can. */
export function isShared(id: string): boolean {
  return id.startsWith('/');
}

/** Adds a node; a shared one that is already there gets the edges of both. Throws GRAPH_INVALID where the work differs. */
export function mergeNodeInto<Ctx>(nodes: Map<string, FragmentNode<Ctx>>, node: FragmentNode<Ctx>): void {
  const present = nodes.get(node.id);
  if (present === undefined) {
    nodes.set(node.id, node);
    return;
  }
  if (present === node) return;
  if (isShared(node.id)) {
    if (!sameWork(present, node)) {
      throw invalidGraph(`${node.id} is planned twice with different work`, describeDifference(present, node));
    }
    nodes.set(node.id, withLinks(present, node.after, node.needs));
    return;
  }
  if (!sameWork(present, node)) {
    throw invalidGraph(`${node.id} is planned twice`, describeDifference(present, node));
  }
  const merged = withLinks(present, node.after, node.needs);
  const edgesOf = (some: FragmentNode<Ctx>): number => some.after.length + some.needs.length;
  if (edgesOf(merged) !== edgesOf(present) || edgesOf(merged) !== edgesOf(node)) {
    throw invalidGraph(`${node.id} is planned twice`, ['both do the same, but they wait for different things']);
  }
}

/** Adds all of a fragment to what is being built. */
export function mergeInto<Ctx>(parts: FragmentParts<Ctx>, fragment: ExecutionFragment<Ctx>): void {
  for (const node of fragment.nodes.values()) mergeNodeInto(parts.nodes, node);
  for (const [milestone, targets] of fragment.provides) provideInto(parts, milestone, targets);
}

/** Adds what reaches a milestone to what already does. */
export function provideInto<Ctx>(parts: FragmentParts<Ctx>, milestone: string, targets: readonly Target[]): void {
  const all = new Map<string, Target>();
  for (const target of [...(parts.provides.get(milestone) ?? []), ...targets]) all.set(targetKey(target), target);
  parts.provides.set(milestone, Object.freeze([...all.values()]));
}

/** The same node with further edges and needs; each pair of target and kind is kept once, the stricter `where` wins. */
export function withLinks<Ctx>(
  node: FragmentNode<Ctx>,
  after: readonly Edge[],
  needs: readonly Need[],
): FragmentNode<Ctx> {
  const mergedAfter = mergeLinks(node.after, after, (edge) => edge.node);
  const mergedNeeds = mergeLinks(node.needs, needs, (need) => need.milestone);
  if (mergedAfter === node.after && mergedNeeds === node.needs) return node;
  return Object.freeze({ id: node.id, jobs: node.jobs, after: mergedAfter, needs: mergedNeeds });
}

function mergeLinks<L extends Edge | Need>(
  present: readonly L[],
  more: readonly L[],
  nameOf: (link: L) => string,
): readonly L[] {
  if (more.length === 0) return present;
  const all = new Map<string, L>();
  for (const link of [...present, ...more]) {
    const key = `${link.kind} ${nameOf(link)}`;
    const known = all.get(key);
    if (known === undefined || known.where !== undefined) all.set(key, link);
  }
  const unchanged =
    all.size === present.length && present.every((link) => all.get(`${link.kind} ${nameOf(link)}`) === link);
  return unchanged ? present : Object.freeze([...all.values()]);
}

function targetKey(target: Target): string {
  return 'node' in target ? `node ${target.node}` : `milestone ${target.milestone}`;
}

function sameWork<Ctx>(a: FragmentNode<Ctx>, b: FragmentNode<Ctx>): boolean {
  if (a.jobs === b.jobs) return true;
  if (a.jobs.length !== b.jobs.length) return false;
  const stepsOfB = new Map(b.jobs.map((job) => [job.host, job.step]));
  return a.jobs.every((job) => {
    const other = stepsOfB.get(job.host);
    return other !== undefined && sameStep(job.step, other);
  });
}

function sameStep<Ctx>(a: Step<Ctx>, b: Step<Ctx>): boolean {
  return a === b || (a.kind === b.kind && jsonEqual(a.params, b.params));
}

function describeDifference<Ctx>(a: FragmentNode<Ctx>, b: FragmentNode<Ctx>): readonly string[] {
  return [a, b].map((node) => {
    const [first] = node.jobs;
    const hosts = node.jobs.map((job) => job.host).join(', ');
    return `${first === undefined ? 'nothing' : `${first.step.kind} ${JSON.stringify(first.step.params)}`} on ${hosts || 'no host'}`;
  });
}
