import { invalidGraph } from './invalid.js';
import type { PlanJson, PlanNodeJson } from './print.js';
import { seal } from './seal.js';
import type { ExecutionGraph, FragmentNode, Step } from './types.js';

/**
 * A printed plan as a graph again, sealed anew: what was saved and read is what runs. `makeStep` turns a job's data back
 * into a step. Throws GRAPH_INVALID for what is no plan.
 */
export function graphFromJson<Ctx>(
  json: unknown,
  makeStep: (data: PlanNodeJson['jobs'][number]) => Step<Ctx>,
): ExecutionGraph<Ctx> {
  if (!isPlan(json)) throw invalidGraph('this is no plan of kubexm: it has no name, no hosts or no nodes');
  const nodes = json.nodes.map((node): FragmentNode<Ctx> => {
    if (typeof node.id !== 'string' || !Array.isArray(node.jobs) || !Array.isArray(node.after)) {
      throw invalidGraph(`a node of the plan has no id, no jobs or no edges: ${JSON.stringify(node).slice(0, 120)}`);
    }
    const jobs = node.jobs.map((job) => ({ host: job.host, step: makeStep(job) }));
    return { id: node.id, jobs, after: node.after, needs: [] };
  });
  const fragment = { nodes: new Map(nodes.map((node) => [node.id, node])), provides: new Map() };
  if (fragment.nodes.size !== nodes.length) throw invalidGraph('the plan has two nodes of the same id');
  return seal(json.name, fragment, { hosts: json.hosts });
}

function isPlan(json: unknown): json is PlanJson {
  if (typeof json !== 'object' || json === null) return false;
  const { name, hosts, nodes } = json as Partial<PlanJson>;
  return typeof name === 'string' && Array.isArray(hosts) && Array.isArray(nodes);
}
