import { describe, expect, it } from 'vitest';
import { draft, graphFromJson, graphToJson, isSealed, type Step, sameHost, scoped, seal } from './index.js';

const toy = (title: string): Step<unknown> => ({
  kind: 'toy',
  title,
  params: { title },
  uses: ['upload'],
  precheck: async () => ({ state: 'satisfied', because: '' }),
  run: async () => undefined,
});

describe('a saved plan', () => {
  it('is the same graph again, sealed anew', () => {
    const g = draft<unknown>('d');
    const first = g.add('first', ['a', 'b'], toy('one'));
    g.addEach('second', ['a', 'b'], (host) => toy(host), { after: sameHost(first) });
    g.add('third', ['a'], toy('three'), { after: first });
    const graph = seal('p', scoped('p', g.done()), { hosts: ['a', 'b'] });
    const saved = graphToJson(graph);
    const restored = graphFromJson(JSON.parse(JSON.stringify(saved)), (job) => toy(job.title));
    expect(graphToJson(restored)).toEqual(saved);
    expect(isSealed(restored)).toBe(true);
  });

  it('that is something else is refused', () => {
    expect(() => graphFromJson([], () => toy(''))).toThrow('no plan of kubexm');
    expect(() => graphFromJson({ name: 'p', hosts: [], nodes: [{ id: 1 }] }, () => toy(''))).toThrow('has no id');
  });

  it('with an edge to nowhere is refused like any other plan', () => {
    const job = { host: 'a', kind: 'toy', title: 't', params: {}, canUndo: false };
    const plan = {
      name: 'p',
      hosts: ['a'],
      nodes: [{ id: 'x', jobs: [job], after: [{ node: 'y', kind: 'barrier' }] }],
    };
    expect(() => graphFromJson(plan, () => toy('t'))).toThrow('fault');
  });
});
