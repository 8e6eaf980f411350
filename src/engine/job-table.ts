import { KubexmError } from '../errors/index.js';
import { type ExecutionGraph, type GraphNode, type HostName, isSealed, type Step } from '../plan/index.js';
import type { JobName } from './events.js';
import type { Limits } from './types.js';

/** One job with everything that the engine asks for often, as numbers. */
export interface JobEntry<Ctx> extends JobName {
  readonly index: number;
  readonly nodeIndex: number;
  readonly hostIndex: number;
  readonly step: Step<Ctx>;
  /** Positions in `names` of what it holds while it acts. */
  readonly uses: readonly number[];
}

/** A sealed graph, laid out for running. */
export interface JobTable<Ctx> {
  readonly jobs: readonly JobEntry<Ctx>[];
  readonly nodes: readonly NodeEntry[];
  readonly hosts: readonly HostName[];
  /** Limited resources: name and how many may hold it. */
  readonly names: readonly { readonly name: string; readonly limit: number }[];
  /** By job: the jobs on the same host that wait for it. */
  readonly sameHostNext: readonly (readonly number[] | undefined)[];
  /** By job: how many jobs of its own host it waits for. */
  readonly sameHostCount: Int32Array;
  /** By job: how many jobs stand one behind the other from it to the end of the graph. */
  readonly depth: Int32Array;
}

/** One node of the table. */
export interface NodeEntry {
  readonly firstJob: number;
  readonly jobCount: number;
  /** Nodes that wait for all of its jobs. */
  readonly barrierNext: readonly number[];
  readonly barrierCount: number;
}

/** Lays a graph out. Throws GRAPH_INVALID for one that `seal` did not make and for names without a limit. */
export function layOut<Ctx>(graph: ExecutionGraph<Ctx>, limits: Limits): JobTable<Ctx> {
  if (!isSealed(graph)) throw new KubexmError('GRAPH_INVALID', `the graph ${graph.name} was not made by seal`);
  const names = collectNames(graph, limits);
  const namePositions = new Map(names.map(({ name }, index) => [name, index]));
  const hosts = new Map<HostName, number>();
  const positions = new Map(graph.nodes.map((node, index) => [node.id, index]));
  const jobs: JobEntry<Ctx>[] = [];
  const nodes = graph.nodes.map((node, nodeIndex) => {
    const firstJob = jobs.length;
    for (const { host, step } of node.jobs) {
      const hostIndex = hosts.get(host) ?? hosts.size;
      hosts.set(host, hostIndex);
      const uses =
        step.uses === undefined ? NOTHING : [...new Set(step.uses.map((name) => namePositions.get(name) ?? 0))];
      jobs.push({ index: jobs.length, nodeIndex, hostIndex, node: node.id, host, step, uses });
    }
    const barriers = node.after.filter((edge) => edge.kind === 'barrier').length;
    return { firstJob, jobCount: node.jobs.length, barrierNext: [] as number[], barrierCount: barriers };
  });

  const sameHostNext: (number[] | undefined)[] = Array.from({ length: jobs.length });
  const sameHostCount = new Int32Array(jobs.length);
  const jobOn = hostLookup(graph.nodes, nodes);
  for (const [nodeIndex, node] of graph.nodes.entries()) {
    for (const edge of node.after) {
      const from = positions.get(edge.node) ?? 0;
      if (edge.kind === 'barrier') {
        nodes[from]?.barrierNext.push(nodeIndex);
        continue;
      }
      for (const [offset, { host }] of node.jobs.entries()) {
        const before = jobOn(from, host);
        if (before === undefined) continue;
        const job = (nodes[nodeIndex]?.firstJob ?? 0) + offset;
        const next = sameHostNext[before];
        if (next === undefined) sameHostNext[before] = [job];
        else next.push(job);
        sameHostCount[job] = (sameHostCount[job] ?? 0) + 1;
      }
    }
  }
  const depth = depths(nodes, sameHostNext);
  return { jobs, nodes, hosts: [...hosts.keys()], names, sameHostNext, sameHostCount, depth };
}

/** From the end to the beginning: the nodes of a sealed graph stand in topological order. */
function depths(nodes: readonly NodeEntry[], sameHostNext: readonly (readonly number[] | undefined)[]): Int32Array {
  const depth = new Int32Array(sameHostNext.length);
  const deepest = new Int32Array(nodes.length);
  for (let index = nodes.length - 1; index >= 0; index -= 1) {
    const node = nodes[index];
    if (node === undefined) continue;
    let behind = 0;
    for (const next of node.barrierNext) behind = Math.max(behind, deepest[next] ?? 0);
    for (let job = node.firstJob; job < node.firstJob + node.jobCount; job += 1) {
      let own = behind;
      for (const next of sameHostNext[job] ?? NOTHING) own = Math.max(own, depth[next] ?? 0);
      depth[job] = own + 1;
      deepest[index] = Math.max(deepest[index] ?? 0, own + 1);
    }
  }
  return depth;
}

const NOTHING: readonly number[] = Object.freeze([]);

function collectNames<Ctx>(
  graph: ExecutionGraph<Ctx>,
  limits: Limits,
): readonly { readonly name: string; readonly limit: number }[] {
  const firstUser = new Map<string, string>();
  for (const node of graph.nodes) {
    for (const { step } of node.jobs) {
      for (const name of step.uses ?? []) if (!firstUser.has(name)) firstUser.set(name, node.id);
    }
  }
  const problems: string[] = [];
  if (!(limits.perHost >= 1)) problems.push(`the limit per host is ${limits.perHost}`);
  const names = [...firstUser].map(([name, node]) => {
    const limit = Object.hasOwn(limits.named, name) ? limits.named[name] : undefined;
    if (limit === undefined) problems.push(`${node} uses ${name}, which has no limit`);
    else if (!(limit >= 1)) problems.push(`the limit of ${name} is ${limit}`);
    return { name, limit: limit ?? 0 };
  });
  if (problems.length > 0) {
    throw new KubexmError('GRAPH_INVALID', `the graph ${graph.name} cannot run within its limits: ${problems[0]}`, {
      details: problems,
    });
  }
  return names;
}

/** Finds the job of a node on a host; the index of a node is made when it is first asked for. */
function hostLookup<Ctx>(
  graphNodes: readonly GraphNode<Ctx>[],
  nodes: readonly NodeEntry[],
): (node: number, host: HostName) => number | undefined {
  const byNode = new Map<number, ReadonlyMap<HostName, number>>();
  return (node, host) => {
    const own = graphNodes[node]?.jobs ?? [];
    const firstJob = nodes[node]?.firstJob ?? 0;
    if (own.length === 1) return own[0]?.host === host ? firstJob : undefined;
    let byHost = byNode.get(node);
    if (byHost === undefined) {
      byHost = new Map(own.map((job, offset) => [job.host, firstJob + offset]));
      byNode.set(node, byHost);
    }
    return byHost.get(host);
  };
}
