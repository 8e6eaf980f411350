import type { ExecutionFragment, Json, Step } from './types.js';

/** For tests: a step that does nothing. */
export function toyStep(kind = 'toy', params: Json = {}, more: Partial<Step<unknown>> = {}): Step<unknown> {
  return {
    kind,
    title: `Do ${kind}`,
    params,
    precheck: async () => ({ state: 'needed', because: 'always' }),
    run: async () => {},
    ...more,
  };
}

/** For tests: what a plan means. Every pair of jobs of which one must be through before the other, as `before < after`. */
export function jobOrder<Ctx>(fragment: Pick<ExecutionFragment<Ctx>, 'nodes'>): ReadonlySet<string> {
  const next = new Map<string, Set<string>>();
  for (const node of fragment.nodes.values()) {
    for (const { host } of node.jobs) next.set(`${node.id}@${host}`, new Set());
  }
  for (const node of fragment.nodes.values()) {
    for (const edge of node.after) {
      for (const before of fragment.nodes.get(edge.node)?.jobs ?? []) {
        for (const { host } of node.jobs) {
          if (edge.kind === 'barrier' || host === before.host)
            next.get(`${edge.node}@${before.host}`)?.add(`${node.id}@${host}`);
        }
      }
    }
  }
  return closure(next);
}

/** For tests: the transitive closure of a relation, as `before < after`. */
export function closure(next: ReadonlyMap<string, Iterable<string>>): ReadonlySet<string> {
  const pairs = new Set<string>();
  for (const start of next.keys()) {
    const open = [start];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const after of next.get(at) ?? []) {
        const pair = `${start} < ${after}`;
        if (pairs.has(pair)) continue;
        pairs.add(pair);
        open.push(after);
      }
    }
  }
  return pairs;
}
