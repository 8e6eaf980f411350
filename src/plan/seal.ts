import type { Fault } from './fault.js';
import { invalidGraph } from './invalid.js';
import { isShared } from './merge.js';
import { sortNodes } from './order.js';
import { checkOutputs } from './output-flow.js';
import { type NodeLinks, resolveLinks } from './resolve.js';
import {
  CONTROL_NODE,
  type ExecutionFragment,
  type ExecutionGraph,
  type FragmentNode,
  type GraphNode,
  type HostName,
} from './types.js';

/** `hosts`: those that jobs may stand on; the control node may always. */
export interface SealOptions {
  readonly hosts: readonly HostName[];
}

/** Closes a plan. Throws one GRAPH_INVALID whose details are all faults. Ids stay as they are; scope the fragment before. */
export function seal<Ctx>(name: string, fragment: ExecutionFragment<Ctx>, options: SealOptions): ExecutionGraph<Ctx> {
  const result = trySeal(name, fragment, options);
  if (result.state === 'sealed') return result.graph;
  const messages = result.faults.map((fault) => fault.message);
  throw invalidGraph(
    `the plan ${name} has ${messages.length === 1 ? 'a fault' : `${messages.length} faults`}`,
    messages,
  );
}

/** Closes a plan, or says all that is wrong with it. */
export function trySeal<Ctx>(
  name: string,
  fragment: ExecutionFragment<Ctx>,
  { hosts }: SealOptions,
):
  | { readonly state: 'sealed'; readonly graph: ExecutionGraph<Ctx> }
  | { readonly state: 'faulty'; readonly faults: readonly Fault[] } {
  const nodes = [...fragment.nodes.values()];
  const faults: Fault[] = [];
  if (nodes.length === 0) faults.push({ type: 'empty-graph', message: `${name} has no node: nothing to do` });
  checkNodes(nodes, new Set([...hosts, CONTROL_NODE]), faults);

  const links = resolveLinks(nodes, fragment.provides, faults);
  checkShared(nodes, links, faults);
  const { order, cycles } = sortNodes(links);
  for (const cycle of cycles) {
    const path = cycle.map((index) => nodes[index]?.id).join(' → ');
    faults.push({ type: 'cycle', message: `a cycle, each waits for the one before it: ${path}` });
  }
  if (cycles.length === 0) checkOutputs(nodes, links, order, faults);
  if (faults.length > 0) return { state: 'faulty', faults };

  const sealedNodes: GraphNode<Ctx>[] = [];
  for (const index of order) {
    const [node, own] = [nodes[index], links[index]];
    if (node === undefined || own === undefined) continue;
    const after = own.map((link) => Object.freeze({ node: nodes[link.from]?.id ?? '', kind: link.kind }));
    sealedNodes.push(Object.freeze({ id: node.id, jobs: node.jobs, after: Object.freeze(after) }));
  }
  const graph: ExecutionGraph<Ctx> = Object.freeze({
    name,
    hosts: Object.freeze([...hosts]),
    nodes: Object.freeze(sealedNodes),
    sealed: SEALED,
  });
  sealedGraphs.add(graph);
  return { state: 'sealed', graph };
}

/** Whether `seal` made this very value: a copy with other nodes is not sealed. */
export function isSealed(graph: object): boolean {
  return sealedGraphs.has(graph);
}

const SEALED = Symbol('sealed');
const sealedGraphs = new WeakSet<object>();

function checkNodes<Ctx>(nodes: readonly FragmentNode<Ctx>[], known: ReadonlySet<HostName>, faults: Fault[]): void {
  for (const { id, jobs } of nodes) {
    const [first] = jobs;
    if (first === undefined) {
      faults.push({ type: 'empty-node', message: `${id} has no job` });
      continue;
    }
    const twice = new Set<HostName>();
    const unknown = new Set<HostName>();
    const kinds = new Set<string>();
    const seen = jobs.length === 1 ? undefined : new Set<HostName>();
    for (const { host, step } of jobs) {
      if (seen?.has(host)) twice.add(host);
      seen?.add(host);
      if (!known.has(host)) unknown.add(host);
      if (step.kind !== first.step.kind) kinds.add(step.kind);
    }
    for (const host of twice) faults.push({ type: 'duplicate-host', message: `${id} has two jobs for ${host}` });
    for (const host of unknown)
      faults.push({ type: 'unknown-host', message: `${id} has a job for ${host}, which is not a host of the plan` });
    if (kinds.size > 0) {
      faults.push({
        type: 'mixed-kinds',
        message: `${id} mixes kinds of steps: ${[first.step.kind, ...kinds].join(', ')}`,
      });
    }
  }
}

function checkShared<Ctx>(nodes: readonly FragmentNode<Ctx>[], links: NodeLinks, faults: Fault[]): void {
  for (const [index, node] of nodes.entries()) {
    if (!isShared(node.id)) continue;
    for (const { from } of links[index] ?? []) {
      const before = nodes[from]?.id ?? '';
      if (!isShared(before)) {
        faults.push({
          type: 'shared-after-tree',
          message: `${node.id} is shared, but waits for ${before}, which is not`,
        });
      }
    }
  }
}
