import type { Fault } from './fault.js';
import type { EdgeKind, EdgeWhere, FragmentNode, HostName, Target } from './types.js';

/** One resolved edge: the position of the node before. */
export interface ResolvedLink {
  readonly from: number;
  readonly kind: EdgeKind;
}

/** By position of the dependent. */
export type NodeLinks = readonly (readonly ResolvedLink[])[];

/**
 * Turns names into positions and needs into edges, each pair of nodes once: a barrier makes a sameHost edge superfluous.
 * Faults edges and needs that lead nowhere, and hosts that a sameHost edge does not find on the node before.
 */
export function resolveLinks<Ctx>(
  nodes: readonly FragmentNode<Ctx>[],
  provides: ReadonlyMap<string, readonly Target[]>,
  faults: Fault[],
): NodeLinks {
  const positions = new Map(nodes.map((node, index) => [node.id, index]));
  const providersOf = milestoneResolver(provides, positions, faults);
  const hostSets = new Map<number, ReadonlySet<HostName>>();
  const hostsOf = (index: number): ReadonlySet<HostName> => {
    const known = hostSets.get(index);
    if (known !== undefined) return known;
    const hosts = new Set((nodes[index]?.jobs ?? []).map((job) => job.host));
    hostSets.set(index, hosts);
    return hosts;
  };

  return nodes.map((node, index) => {
    const kinds = new Map<number, EdgeKind>();
    const add = (from: number, kind: EdgeKind): void => {
      if (kinds.get(from) !== 'barrier') kinds.set(from, kind);
    };
    const wait = (from: readonly number[], kind: EdgeKind, where: EdgeWhere | undefined, what: string): void => {
      if (kind === 'barrier') {
        for (const each of from) add(each, 'barrier');
        return;
      }
      const open = new Set(hostsOf(index));
      for (const each of from) {
        const there = hostsOf(each);
        const meets = node.jobs.some((job) => there.has(job.host));
        if (meets) add(each, 'sameHost');
        for (const { host } of node.jobs) if (there.has(host)) open.delete(host);
      }
      if (where === undefined && open.size > 0) {
        const missing = [...open].join(', ');
        faults.push({
          type: 'missing-host',
          message: `${node.id} waits on the same host for ${what}, which has no job on ${missing}`,
        });
      }
    };

    for (const edge of node.after) {
      const from = positions.get(edge.node);
      if (from === undefined)
        faults.push({ type: 'unknown-edge', message: `${node.id} waits for ${edge.node}, which is not in the plan` });
      else wait([from], edge.kind, edge.where, edge.node);
    }
    for (const need of node.needs) {
      const from = providersOf(need.milestone);
      if (from === undefined)
        faults.push({
          type: 'unknown-need',
          message: `${node.id} needs ${need.milestone}, which nothing in the plan provides`,
        });
      // A milestone that is reached from the start has no hosts to check against.
      else if (from.length > 0) wait(from, need.kind, need.where, `the milestone ${need.milestone}`);
    }
    return [...kinds].map(([from, kind]) => ({ from, kind }));
  });
}

function milestoneResolver(
  provides: ReadonlyMap<string, readonly Target[]>,
  positions: ReadonlyMap<string, number>,
  faults: Fault[],
): (milestone: string) => readonly number[] | undefined {
  const resolved = new Map<string, readonly number[]>();
  return (milestone) => {
    const known = resolved.get(milestone);
    if (known !== undefined || !provides.has(milestone)) return known;
    const found = new Set<number>();
    const seen = new Set([milestone]);
    const open = [milestone];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const targets = provides.get(id);
      if (targets === undefined) {
        faults.push({
          type: 'unknown-need',
          message: `the milestone ${milestone} stands for ${id}, which nothing in the plan provides`,
        });
        continue;
      }
      for (const target of targets) {
        if ('milestone' in target) {
          if (!seen.has(target.milestone)) open.push(target.milestone);
          seen.add(target.milestone);
          continue;
        }
        const position = positions.get(target.node);
        if (position === undefined) {
          faults.push({
            type: 'unknown-edge',
            message: `the milestone ${id} is provided by ${target.node}, which is not in the plan`,
          });
        } else found.add(position);
      }
    }
    const all = [...found].sort((a, b) => a - b);
    resolved.set(milestone, all);
    return all;
  };
}
