import type { After, Before, Milestone, Ref } from './after.js';
import { checkName, fragmentEntries, fragmentExits, scoped } from './fragment.js';
import { invalidGraph } from './invalid.js';
import { type FragmentParts, isShared, mergeNodeInto, provideInto, withLinks } from './merge.js';
import type { Edge, EdgeKind, EdgeWhere, ExecutionFragment, HostName, Job, Need, Step, Target } from './types.js';

/** Options of everything that adds work to a draft. */
export interface AddOptions {
  readonly after?: After | undefined;
}

/** A fragment in the making: mutable inside one `plan` call, a value once `done`. */
export interface Draft<Ctx> {
  /** The same step on every host. With no host at all, whoever waits for it waits for its `after`. */
  add(name: string, hosts: readonly HostName[], step: Step<Ctx>, options?: AddOptions): Ref;
  /** A step whose params differ by host; its kind may not. */
  addEach(name: string, hosts: readonly HostName[], step: (host: HostName) => Step<Ctx>, options?: AddOptions): Ref;
  /** Another planner's work; its entries wait for `after`, the Ref stands for its exits. */
  include(fragment: ExecutionFragment<Ctx>, options?: AddOptions): Ref;
  /** Work that others may plan as well: the same id (from `/`) with the same work is one node. It may wait for shared work only. */
  shared(id: string, hosts: readonly HostName[], step: Step<Ctx>, options?: AddOptions): Ref;
  /** What others reach by the milestone's name. Several providers reach it together. */
  provide(milestone: Milestone, refs: Ref | readonly Ref[]): void;
  /** The fragment, with all tree ids below the draft's name. The draft takes nothing more afterwards. */
  done(): ExecutionFragment<Ctx>;
}

/** Opens a fragment; Refs give it its order, so that there are no ids to misspell and no cycles to build. */
export function draft<Ctx>(name: string): Draft<Ctx> {
  checkName(name);
  const parts: FragmentParts<Ctx> = { nodes: new Map(), provides: new Map() };
  const refs = new Map<Ref, readonly Reached[]>();
  let open = true;

  const hand = (refName: string, reached: readonly Reached[]): Ref => {
    const ref: Ref = Object.freeze({ type: 'ref', name: refName });
    refs.set(ref, reached);
    return ref;
  };
  const resolve = ({ after }: AddOptions): readonly Link[] => {
    if (!open) throw invalidGraph(`the draft ${name} is done and takes no more work`);
    return after === undefined ? [] : linksOf(after, (ref) => reachedBy(ref, refs, name));
  };
  const addJobs = (part: string, jobs: readonly Job<Ctx>[], links: readonly Link[]): Ref => {
    checkName(part);
    if (jobs.length === 0) return hand(part, passThrough(links));
    if (parts.nodes.has(part)) throw invalidGraph(`${name} has two parts with the name ${part}`);
    parts.nodes.set(part, makeNode(part, jobs, links));
    return hand(part, [{ target: { node: part } }]);
  };

  return Object.freeze({
    add: (part, hosts, step, options = {}) =>
      addJobs(
        part,
        hosts.map((host) => Object.freeze({ host, step })),
        resolve(options),
      ),

    addEach(part, hosts, step, options = {}) {
      const links = resolve(options);
      const jobs = hosts.map((host) => Object.freeze({ host, step: step(host) }));
      const kinds = new Set(jobs.map((job) => job.step.kind));
      if (kinds.size > 1) throw invalidGraph(`${name}/${part} mixes kinds of steps: ${[...kinds].join(', ')}`);
      return addJobs(part, jobs, links);
    },

    include(fragment, options = {}) {
      const links = resolve(options);
      const { edges, needs } = split(links);
      const entries = new Set(fragmentEntries(fragment));
      for (const node of fragment.nodes.values()) {
        mergeNodeInto(parts.nodes, entries.has(node.id) ? withLinks(node, edges, needs) : node);
      }
      for (const [id, targets] of fragment.provides) provideInto(parts, id, targets);
      const exits = fragmentExits(fragment).map((node): Reached => ({ target: { node } }));
      // Shared nodes wait for nothing of ours: without a tree node, whoever waits for this Ref must wait for `after` itself.
      return hand('include', entries.size === 0 ? [...exits, ...passThrough(links)] : exits);
    },

    shared(id, hosts, step, options = {}) {
      const links = resolve(options);
      if (!isShared(id) || id.length < 2 || /\s/.test(id))
        throw invalidGraph(`the shared id ${id} does not begin with a slash`);
      const foreign = links.filter(({ target }) => !('node' in target && isShared(target.node)));
      if (foreign.length > 0) {
        throw invalidGraph(
          `${id} is shared and may wait for shared work only`,
          foreign.map(({ target }) => describe(target)),
        );
      }
      if (hosts.length === 0) return hand(id, passThrough(links));
      mergeNodeInto(
        parts.nodes,
        makeNode(
          id,
          hosts.map((host) => Object.freeze({ host, step })),
          links,
        ),
      );
      return hand(id, [{ target: { node: id } }]);
    },

    provide(reached, refsOf) {
      if (!open) throw invalidGraph(`the draft ${name} is done and takes no more work`);
      const all = 'type' in refsOf ? [refsOf] : refsOf;
      const targets = all.flatMap((ref) => reachedBy(ref, refs, name)).map(({ target }) => target);
      provideInto(parts, reached.id, targets);
    },

    done() {
      if (!open) throw invalidGraph(`the draft ${name} is done already`);
      open = false;
      return scoped(name, parts);
    },
  } satisfies Draft<Ctx>);
}

/** What a Ref stands for. `passed` is there where work without hosts passes on what it would have waited for. */
interface Reached {
  readonly target: Target;
  readonly passed?: EdgeKind;
}

interface Link {
  readonly target: Target;
  readonly kind: EdgeKind;
  readonly where?: EdgeWhere;
}

function linksOf(after: After, lookUp: (ref: Ref) => readonly Reached[]): readonly Link[] {
  if (!('type' in after)) return after.flatMap((item) => linksOf(item, lookUp));
  switch (after.type) {
    case 'ref':
      return lookUp(after).map(({ target }): Link => ({ target, kind: 'barrier' }));
    case 'milestone':
      return [{ target: { milestone: after.id }, kind: 'barrier' }];
    case 'sameHost': {
      const where = after.where === undefined ? {} : { where: after.where };
      return reachedIn(after.of, lookUp).map(({ target, passed }): Link => {
        if (passed === undefined) return { target, kind: 'sameHost', ...where };
        // Nobody can be on a host of work that has none.
        return passed === 'barrier' ? { target, kind: 'barrier' } : { target, kind: 'sameHost', where: 'present' };
      });
    }
  }
}

function reachedIn(before: Before, lookUp: (ref: Ref) => readonly Reached[]): readonly Reached[] {
  if (!('type' in before)) return before.flatMap((item) => reachedIn(item, lookUp));
  return before.type === 'ref' ? lookUp(before) : [{ target: { milestone: before.id } }];
}

function reachedBy(ref: Ref, refs: ReadonlyMap<Ref, readonly Reached[]>, draftName: string): readonly Reached[] {
  const reached = refs.get(ref);
  if (reached === undefined) throw invalidGraph(`the Ref '${ref.name}' is not one of the draft ${draftName}`);
  return reached;
}

function passThrough(links: readonly Link[]): readonly Reached[] {
  return links.map(({ target, kind }) => ({ target, passed: kind }));
}

function makeNode<Ctx>(id: string, jobs: readonly Job<Ctx>[], links: readonly Link[]) {
  const { edges, needs } = split(links);
  const bare = { id, jobs: Object.freeze(jobs), after: [], needs: [] };
  return Object.freeze(withLinks(bare, edges, needs));
}

function split(links: readonly Link[]): { readonly edges: readonly Edge[]; readonly needs: readonly Need[] } {
  const edges: Edge[] = [];
  const needs: Need[] = [];
  for (const { target, ...rest } of links) {
    if ('node' in target) edges.push(Object.freeze({ node: target.node, ...rest }));
    else needs.push(Object.freeze({ milestone: target.milestone, ...rest }));
  }
  return { edges, needs };
}

function describe(target: Target): string {
  return 'node' in target ? target.node : `milestone ${target.milestone}`;
}
