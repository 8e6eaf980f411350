import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ExecutionFragment,
  empty,
  type FragmentNode,
  fragmentEntries,
  fragmentExits,
  linkNodes,
  parallel,
  scoped,
  sequence,
} from './index.js';
import { closure, jobOrder, toyStep } from './toy-steps.js';

const HOSTS = ['a', 'b', 'c'];
const SHARED = 4;

type Fragment = ExecutionFragment<unknown>;

/** Fragments with their own tree nodes (named after the operand) and some of a common pool of shared nodes. */
function fragments(operand: string): fc.Arbitrary<Fragment> {
  const hosts = fc.subarray(HOSTS, { minLength: 1 });
  const links = fc.array(fc.tuple(fc.nat(), fc.constantFrom('barrier' as const, 'sameHost' as const)), {
    maxLength: 3,
  });
  const tree = fc.array(fc.tuple(hosts, links), { maxLength: 5 });
  const shared = fc.array(fc.tuple(fc.boolean(), fc.array(fc.nat(), { maxLength: 2 })), {
    minLength: SHARED,
    maxLength: SHARED,
  });
  return fc.tuple(tree, shared).map(([treeNodes, sharedNodes]) => {
    const nodes = new Map<string, FragmentNode<unknown>>();
    const before: string[] = [];
    const add = (id: string, on: readonly string[], after: FragmentNode<unknown>['after']): void => {
      nodes.set(id, { id, jobs: on.map((host) => ({ host, step: toyStep('toy', id) })), after, needs: [] });
      before.push(id);
    };
    for (const [index, [present, edges]] of sharedNodes.entries()) {
      if (!present) continue;
      const after = edges.flatMap((edge) => before.slice(edge % (before.length + 1)).slice(0, 1));
      add(
        `/s${index}`,
        [HOSTS[index % 3] ?? 'a'],
        [...new Set(after)].map((node) => ({ node, kind: 'barrier' })),
      );
    }
    for (const [index, [on, edges]] of treeNodes.entries()) {
      const after = new Map(
        edges.flatMap(([edge, kind]) => {
          const node = before[edge % (before.length + 1)];
          return node === undefined ? [] : [[node, kind] as const];
        }),
      );
      const linked = [...after].map(([node, kind]) =>
        kind === 'barrier' ? { node, kind } : { node, kind, where: 'present' as const },
      );
      add(`${operand}${index}`, on, linked);
    }
    return { nodes, provides: new Map() };
  });
}

/** What two fragments must agree in: the same work and the same order of jobs. */
function meaning(fragment: Fragment) {
  const jobs = [...fragment.nodes.values()].flatMap((node) =>
    node.jobs.map((job) => `${node.id}@${job.host} ${JSON.stringify(job.step.params)}`),
  );
  return { jobs: jobs.sort(), order: [...jobOrder(fragment)].sort() };
}

const three = fc.tuple(fragments('x'), fragments('y'), fragments('z'));

describe('the algebra of fragments', () => {
  it('has empty as the identity of sequence and parallel', () => {
    fc.assert(
      fc.property(fragments('x'), (f) => {
        for (const same of [sequence(empty(), f), sequence(f, empty()), parallel(empty(), f), parallel(f, empty())]) {
          expect(meaning(same)).toEqual(meaning(f));
        }
      }),
    );
  });

  it('puts every job of the second operand that is not shared behind all jobs of the first, and orders nothing else', () => {
    fc.assert(
      fc.property(fragments('x'), fragments('y'), (f, g) => {
        const next = new Map<string, Set<string>>();
        const jobsOf = (some: Fragment) =>
          [...some.nodes.values()].flatMap((node) => node.jobs.map(({ host }) => `${node.id}@${host}`));
        for (const job of [...jobsOf(f), ...jobsOf(g)]) next.set(job, new Set());
        for (const pair of [...jobOrder(f), ...jobOrder(g)]) {
          const [before = '', after = ''] = pair.split(' < ');
          next.get(before)?.add(after);
        }
        for (const before of jobsOf(f))
          for (const after of jobsOf(g)) if (!after.startsWith('/')) next.get(before)?.add(after);
        expect([...jobOrder(sequence(f, g))].sort()).toEqual([...closure(next)].sort());
      }),
    );
  });

  it('is associative, also where shared nodes occur in several operands', () => {
    fc.assert(
      fc.property(three, ([f, g, h]) => {
        const flat = meaning(sequence(f, g, h));
        expect(meaning(sequence(sequence(f, g), h))).toEqual(flat);
        expect(meaning(sequence(f, sequence(g, h)))).toEqual(flat);
        expect(meaning(parallel(parallel(f, g), h))).toEqual(meaning(parallel(f, parallel(g, h))));
      }),
    );
  });

  it('never loses an ordering to an empty fragment in the middle', () => {
    fc.assert(
      fc.property(fragments('x'), fragments('y'), (f, g) => {
        expect(meaning(sequence(f, empty(), g))).toEqual(meaning(sequence(f, g)));
      }),
    );
  });

  it('merges in any order', () => {
    fc.assert(
      fc.property(fragments('x'), fragments('y'), (f, g) => {
        expect(meaning(parallel(f, g))).toEqual(meaning(parallel(g, f)));
        expect(meaning(parallel(f, f))).toEqual(meaning(f));
      }),
    );
  });

  it('scopes and sequences in either order', () => {
    fc.assert(
      fc.property(fragments('x'), fragments('y'), (f, g) => {
        expect(meaning(scoped('p', sequence(f, g)))).toEqual(meaning(sequence(scoped('p', f), scoped('p', g))));
      }),
    );
  });

  it('leaves its operands as they were', () => {
    fc.assert(
      fc.property(fragments('x'), fragments('y'), (f, g) => {
        const before = [meaning(f), meaning(g)];
        sequence(f, g);
        scoped('p', f);
        expect([meaning(f), meaning(g)]).toEqual(before);
      }),
    );
  });
});

describe('entries and exits', () => {
  const node = (
    id: string,
    on: readonly string[],
    after: FragmentNode<unknown>['after'] = [],
    params = id,
  ): FragmentNode<unknown> => ({
    id,
    jobs: on.map((host) => ({ host, step: toyStep('toy', params) })),
    after,
    needs: [],
  });
  const fragment = (...nodes: readonly FragmentNode<unknown>[]): Fragment => ({
    nodes: new Map(nodes.map((each) => [each.id, each])),
    provides: new Map(),
  });

  it('keep a node as an exit while one of its hosts has nothing behind it', () => {
    const f = fragment(node('install', ['a', 'b']), node('init', ['a'], [{ node: 'install', kind: 'sameHost' }]));
    expect(fragmentExits(f)).toEqual(['install', 'init']);
    const all = fragment(node('install', ['a', 'b']), node('init', ['a'], [{ node: 'install', kind: 'barrier' }]));
    expect(fragmentExits(all)).toEqual(['init']);
  });

  it('keep a node as an entry while one of its hosts has nothing before it', () => {
    const f = fragment(
      node('mount', ['a']),
      node('format', ['a', 'b'], [{ node: 'mount', kind: 'sameHost', where: 'present' }]),
    );
    expect(fragmentEntries(f)).toEqual(['mount', 'format']);
  });

  it('count shared nodes as exits and not as entries', () => {
    const f = fragment(
      node('/ca', ['a']),
      node('/spare', ['a']),
      node('install', ['a'], [{ node: '/ca', kind: 'barrier' }]),
    );
    expect(fragmentEntries(f)).toEqual(['install']);
    expect(fragmentExits(f)).toEqual(['/spare', 'install']);
  });

  it('let a shared id with other work fail', () => {
    expect(() => parallel(fragment(node('/ca', ['a'])), fragment(node('/ca', ['a'], [], 'other')))).toThrow(
      '/ca is planned twice with different work',
    );
    expect(() => parallel(fragment(node('/ca', ['a'])), fragment(node('/ca', ['b'])))).toThrow(
      '/ca is planned twice with different work',
    );
  });

  it('let a tree id that occurs twice fail unless it is the same node', () => {
    const f = fragment(node('install', ['a']));
    expect(parallel(f, fragment(node('install', ['a']))).nodes.size).toBe(1);
    expect(() => parallel(f, fragment(node('install', ['b'])))).toThrow('install is planned twice');
    const later = fragment(node('x', ['a']), node('install', ['a'], [{ node: 'x', kind: 'barrier' }]));
    expect(() => parallel(f, later)).toThrow('install is planned twice');
  });

  it('link nodes by id, and refuse ids that are not there', () => {
    const f = fragment(node('x', ['a']), node('y', ['a']));
    expect(linkNodes(f, ['x'], ['y'], 'sameHost').nodes.get('y')?.after).toEqual([{ node: 'x', kind: 'sameHost' }]);
    expect(() => linkNodes(f, ['x'], ['z'], 'barrier')).toThrow('cannot link nodes that are not in the fragment');
  });
});
