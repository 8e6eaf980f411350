import { type FragmentParts, provideInto, withLinks } from './merge.js';
import type { Edge, EdgeKind, EdgeWhere, ExecutionFragment, FragmentNode, HostName, Need, Target } from './types.js';

/** What waits for a node that is gone waits for this instead. */
interface Link {
  readonly target: Target;
  readonly kind: EdgeKind;
  readonly where?: EdgeWhere;
}

/**
 * That part of a fragment which happens on these hosts. What waited for work elsewhere waits for what that waited for, so
 * that no order is lost.
 */
export function onlyOn<Ctx>(fragment: ExecutionFragment<Ctx>, hosts: readonly HostName[]): ExecutionFragment<Ctx> {
  const wanted = new Set(hosts);
  const jobsOf = (node: FragmentNode<Ctx>) => node.jobs.filter(({ host }) => wanted.has(host));
  const known = new Map<string, readonly Link[]>();

  /** The links of a node, those to nodes that are gone replaced by the links of these. */
  const linksOf = (node: FragmentNode<Ctx>): readonly Link[] => {
    const found = known.get(node.id);
    if (found) return found;
    const links = [
      ...node.after.flatMap(({ node: id, ...how }) => through({ target: { node: id }, ...how })),
      ...node.needs.map(({ milestone, ...how }): Link => ({ target: { milestone }, ...how })),
    ];
    known.set(node.id, links);
    return links;
  };
  const through = (link: Link): readonly Link[] => {
    const before = 'node' in link.target ? fragment.nodes.get(link.target.node) : undefined;
    if (before === undefined || jobsOf(before).length > 0) return [link];
    return linksOf(before).map(
      ({ target, kind }): Link =>
        link.kind === 'barrier' || kind === 'barrier'
          ? { target, kind: 'barrier' }
          : { target, kind: 'sameHost', where: 'present' },
    );
  };

  const parts: FragmentParts<Ctx> = { nodes: new Map(), provides: new Map() };
  for (const node of fragment.nodes.values()) {
    const jobs = jobsOf(node);
    if (jobs.length === 0) continue;
    const links = linksOf(node);
    const after = links.flatMap(({ target, ...how }): Edge[] =>
      'node' in target ? [{ node: target.node, ...how }] : [],
    );
    const needs = links.flatMap(({ target, ...how }): Need[] =>
      'milestone' in target ? [{ milestone: target.milestone, ...how }] : [],
    );
    const bare = { id: node.id, jobs: Object.freeze(jobs), after: [], needs: [] };
    parts.nodes.set(node.id, withLinks(bare, after, needs));
  }
  for (const [milestone, targets] of fragment.provides) {
    const reached = targets.flatMap((target) => through({ target, kind: 'barrier' }).map((link) => link.target));
    provideInto(parts, milestone, reached);
  }
  return Object.freeze({ nodes: parts.nodes, provides: parts.provides });
}
