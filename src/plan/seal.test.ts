import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KubexmError } from '../errors/index.js';
import {
  CONTROL_NODE,
  draft,
  type ExecutionFragment,
  type FragmentNode,
  graphToJson,
  milestone,
  output,
  sameHost,
  seal,
  trySeal,
} from './index.js';
import { toyStep } from './toy-steps.js';

const hosts = ['a', 'b'];
const at = (host: string, params = {}, more = {}) => ({ host, step: toyStep('toy', params, more) });
const plain = (id: string, after: FragmentNode<unknown>['after'] = [], jobs = [at('a')]): FragmentNode<unknown> => ({
  id,
  jobs,
  after,
  needs: [],
});
const made = (
  nodes: readonly FragmentNode<unknown>[],
  provides: ExecutionFragment<unknown>['provides'] = new Map(),
): ExecutionFragment<unknown> => ({
  nodes: new Map(nodes.map((node) => [node.id, node])),
  provides,
});
const barrier = (node: string) => ({ node, kind: 'barrier' as const });
const lane = (node: string) => ({ node, kind: 'sameHost' as const });

describe('seal', () => {
  it.each<[string, ExecutionFragment<unknown>, readonly string[]]>([
    ['no node', made([]), ['p has no node: nothing to do']],
    ['no job', made([plain('x', [], [])]), ['x has no job']],
    ['two jobs for a host', made([plain('x', [], [at('a'), at('b'), at('a')])]), ['x has two jobs for a']],
    ['an unknown host', made([plain('x', [], [at('z')])]), ['x has a job for z, which is not a host of the plan']],
    [
      'mixed kinds',
      made([plain('x', [], [at('a'), { host: 'b', step: toyStep('other') }])]),
      ['x mixes kinds of steps: toy, other'],
    ],
    ['an edge to nowhere', made([plain('x', [barrier('y')])]), ['x waits for y, which is not in the plan']],
    [
      'a need that nobody provides',
      made([{ ...plain('x'), needs: [{ milestone: 'm', kind: 'barrier' }] }]),
      ['x needs m, which nothing in the plan provides'],
    ],
    [
      'a milestone that stands for one that nobody provides',
      made([{ ...plain('x'), needs: [{ milestone: 'm', kind: 'barrier' }] }], new Map([['m', [{ milestone: 'n' }]]])),
      ['the milestone m stands for n, which nothing in the plan provides'],
    ],
    [
      'a cycle',
      made([plain('x', [barrier('z')]), plain('y', [barrier('x')]), plain('z', [barrier('y')])]),
      ['a cycle, each waits for the one before it: x → y → z → x'],
    ],
    [
      'a node that waits for itself',
      made([plain('x', [barrier('x')])]),
      ['a cycle, each waits for the one before it: x → x'],
    ],
    [
      'two cycles and what hangs on them',
      made([
        plain('v', [barrier('y')]),
        plain('w', [barrier('x')]),
        plain('x', [barrier('w')]),
        plain('y', [barrier('z')]),
        plain('z', [barrier('y'), barrier('x')]),
      ]),
      ['a cycle, each waits for the one before it: y → z → y', 'a cycle, each waits for the one before it: w → x → w'],
    ],
    [
      'hosts missing on the node before',
      made([plain('x'), plain('y', [lane('x')], [at('a'), at('b')])]),
      ['y waits on the same host for x, which has no job on b'],
    ],
    [
      'hosts missing in a milestone',
      made(
        [plain('x'), { ...plain('y', [], [at('a'), at('b')]), needs: [{ milestone: 'm', kind: 'sameHost' }] }],
        new Map([['m', [{ node: 'x' }]]]),
      ),
      ['y waits on the same host for the milestone m, which has no job on b'],
    ],
    [
      'an output that nobody writes',
      made([plain('x', [], [at('a', { token: output('t') })])]),
      ['x reads the output t, which nothing in the plan writes'],
    ],
    [
      'an output written beside its reader',
      made([
        plain('w', [], [at('a', {}, { writes: ['t'] })]),
        plain('x', [], [at('a', { deep: [{ token: output('t') }] })]),
      ]),
      ['x reads the output t, but does not wait for w, which writes it'],
    ],
    [
      'an output that is written on another host than the one that is waited for',
      made([
        plain('w', [], [at('a', {}, { writes: ['t'] }), at('b')]),
        plain('x', [lane('w')], [at('a', { token: output('t') }), at('b', { token: output('t') })]),
      ]),
      ['x on b reads the output t, but does not wait for w, which writes it'],
    ],
    [
      'an output that is read further down the wrong host',
      made([
        plain('w', [], [at('a', {}, { writes: ['t'] }), at('b')]),
        plain('x', [lane('w')], [at('a'), at('b')]),
        plain('y', [lane('x')], [at('b', { token: output('t') })]),
      ]),
      ['y reads the output t, but does not wait for w, which writes it'],
    ],
    [
      'an output with two writers',
      made([plain('v', [], [at('a', {}, { writes: ['t'] })]), plain('w', [], [at('a', {}, { writes: ['t'] })])]),
      ['the output t is written by v and by w'],
    ],
    [
      'shared work behind tree work',
      made([plain('x'), plain('/s', [barrier('x')])]),
      ['/s is shared, but waits for x, which is not'],
    ],
  ])('faults %s', (_, fragment, messages) => {
    const result = trySeal('p', fragment, { hosts });
    expect(result.state === 'faulty' ? result.faults.map((fault) => fault.message) : []).toEqual(messages);
  });

  it('tells all faults in one error', () => {
    const fragment = made([plain('x', [barrier('gone')], [at('z')]), plain('y', [], [])]);
    const thrown = catchError(() => seal('p', fragment, { hosts }));
    expect(thrown).toBeInstanceOf(KubexmError);
    expect(thrown).toMatchObject({
      code: 'GRAPH_INVALID',
      message: 'the plan p has 3 faults',
      details: [
        'x has a job for z, which is not a host of the plan',
        'y has no job',
        'x waits for gone, which is not in the plan',
      ],
    });
  });

  it('knows the control node without being told', () => {
    expect(trySeal('p', made([plain('x', [], [at(CONTROL_NODE)])]), { hosts }).state).toBe('sealed');
  });

  it('resolves needs to all providers, and on the same host to those that share one', () => {
    const ready = milestone('ready');
    const g = draft<unknown>('d');
    g.add('barrier', ['a'], toyStep(), { after: ready });
    g.add('lane', ['a'], toyStep(), { after: sameHost(ready) });
    g.provide(ready, [g.add('on-a', ['a'], toyStep()), g.add('on-b', ['b'], toyStep())]);
    const graph = seal('d', g.done(), { hosts });
    expect(Object.fromEntries(graph.nodes.map((node) => [node.id, node.after]))).toEqual({
      'd/on-a': [],
      'd/on-b': [],
      'd/barrier': [barrier('d/on-a'), barrier('d/on-b')],
      'd/lane': [lane('d/on-a')],
    });
  });

  it('keeps only the barrier of a barrier and a sameHost edge between the same nodes', () => {
    const nodes = [plain('x'), plain('y', [barrier('x'), lane('x')]), plain('z', [lane('x'), barrier('x')])];
    const graph = seal('p', made(nodes), { hosts });
    expect(graph.nodes.slice(1).map((node) => node.after)).toEqual([[barrier('x')], [barrier('x')]]);
  });

  it('takes an output from any writer upstream, and edges of hosts that are present', () => {
    const g = draft<unknown>('d');
    const token = output<string>('token');
    const write = g.add('write', ['a'], toyStep('write', {}, { writes: ['token'] }));
    const middle = g.add('middle', hosts, toyStep(), { after: sameHost(write, { where: 'present' }) });
    g.add('read', ['b'], toyStep('read', { token }), { after: middle });
    expect(trySeal('d', g.done(), { hosts }).state).toBe('sealed');
  });

  it('orders so that every node stands behind what it waits for, and first planned first', () => {
    const edges = fc.array(fc.tuple(fc.nat(29), fc.nat(29)), { maxLength: 80 });
    fc.assert(
      fc.property(
        edges,
        fc.shuffledSubarray(
          Array.from({ length: 30 }, (_, index) => index),
          { minLength: 30 },
        ),
        (pairs, insertion) => {
          const after = new Map(insertion.map((number) => [number, new Set<number>()]));
          for (const [one, other] of pairs)
            if (one !== other) after.get(Math.max(one, other))?.add(Math.min(one, other));
          const nodes = insertion.map((number) =>
            plain(
              `n${number}`,
              [...(after.get(number) ?? [])].map((before) => barrier(`n${before}`)),
            ),
          );
          const { nodes: order } = seal('p', made(nodes), { hosts });
          const left = [...nodes];
          for (const node of order) {
            // The first in the order of planning that waits for nothing which is left.
            const first = left.findIndex((one) =>
              one.after.every((edge) => left.every((other) => other.id !== edge.node)),
            );
            expect(node.id).toBe(left[first]?.id);
            left.splice(first, 1);
          }
        },
      ),
    );
  });

  it('seals 90,000 nodes in a chain without running out of stack', () => {
    const nodes = Array.from({ length: 90_000 }, (_, index) =>
      plain(`n${index}`, index === 0 ? [] : [barrier(`n${index - 1}`)]),
    );
    nodes.reverse();
    expect(seal('p', made(nodes), { hosts }).nodes).toHaveLength(90_000);
  });

  it('is the same plan every time', () => {
    const build = () =>
      JSON.stringify(
        graphToJson(seal('p', made([plain('x', [], [at('a', { b: 1, a: 2 })]), plain('y', [lane('x')])]), { hosts })),
      );
    expect(build()).toBe(build());
    expect(JSON.parse(build()).nodes[0].jobs[0]).toEqual({
      host: 'a',
      kind: 'toy',
      title: 'Do toy',
      params: { a: 2, b: 1 },
      canUndo: false,
    });
  });
});

function catchError(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('an output that is waited for', () => {
  const writes = plain('w', [], [at('a', {}, { writes: ['t'] }), at('b')]);
  const both = (id: string, after: Parameters<typeof plain>[1], params = {}) =>
    plain(id, after, [at('a', params), at('b', params)]);
  const reads = { token: output<string>('t') };

  it.each([
    ['on its own host', made([writes, plain('x', [lane('w')], [at('a', reads)])])],
    ['down a chain of its own host', made([writes, both('x', [lane('w')]), plain('y', [lane('x')], [at('a', reads)])])],
    ['behind a barrier, then on each host', made([writes, both('x', [barrier('w')]), both('y', [lane('x')], reads)])],
    [
      'behind a barrier at the end of a chain',
      made([writes, both('x', [lane('w')]), both('y', [barrier('x')], reads)]),
    ],
    [
      'on each host by another way',
      made([
        writes,
        plain('x', [barrier('w')], [at('b')]),
        both('y', [lane('w'), { ...lane('x'), where: 'present' }], reads),
      ]),
    ],
  ])('%s is no fault', (_, fragment) => {
    expect(trySeal('p', fragment, { hosts }).state).toBe('sealed');
  });
});
