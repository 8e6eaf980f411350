import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { draft, type ExecutionFragment, milestone, onlyOn, sameHost } from './index.js';
import { jobOrder, toyStep } from './toy-steps.js';

const HOSTS = ['a', 'b', 'c'];

/** A chain of nodes, each on some hosts and behind some of those before it. */
const fragments: fc.Arbitrary<ExecutionFragment<unknown>> = fc
  .array(
    fc.record({
      hosts: fc.subarray(HOSTS, { minLength: 1 }),
      links: fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((nodes) => {
    const g = draft<unknown>('plan');
    const refs: ReturnType<typeof g.add>[] = [];
    for (const [index, { hosts, links }] of nodes.entries()) {
      const after = links.flatMap(([nth, isBarrier]) => {
        const ref = refs[refs.length === 0 ? 0 : nth % refs.length];
        if (ref === undefined) return [];
        return [isBarrier ? ref : sameHost(ref, { where: 'present' })];
      });
      refs.push(g.add(`n${index}`, hosts, toyStep(), { after }));
    }
    return g.done();
  });

const isOn = (hosts: readonly string[]) => (pair: string) =>
  pair.split(' < ').every((job) => hosts.includes(job.slice(job.indexOf('@') + 1)));

describe('the part of a plan on some hosts', () => {
  test('keeps their jobs, and every order between them', () => {
    fc.assert(
      fc.property(fragments, fc.subarray(HOSTS), (fragment, hosts) => {
        const part = onlyOn(fragment, hosts);
        const jobs = (of: ExecutionFragment<unknown>) =>
          [...of.nodes.values()].flatMap((node) => node.jobs.map(({ host }) => `${node.id}@${host}`));
        expect(jobs(part)).toEqual(jobs(fragment).filter((job) => hosts.includes(job.slice(job.indexOf('@') + 1))));
        const kept = jobOrder(part);
        for (const pair of [...jobOrder(fragment)].filter(isOn(hosts))) expect(kept).toContain(pair);
      }),
    );
  });

  test('is the plan itself for all hosts', () => {
    fc.assert(
      fc.property(fragments, (fragment) => {
        expect(onlyOn(fragment, HOSTS)).toEqual(fragment);
      }),
    );
  });

  test('waits for the milestones that work elsewhere waited for, and reaches those that it reached', () => {
    const [before, reached] = [milestone('before'), milestone('reached')];
    const g = draft<unknown>('plan');
    const elsewhere = g.add('elsewhere', ['b'], toyStep(), { after: before });
    const here = g.add('here', ['a'], toyStep(), { after: elsewhere });
    g.provide(reached, g.add('last', ['b'], toyStep(), { after: here }));
    const part = onlyOn(g.done(), ['a']);
    expect([...part.nodes.keys()]).toEqual(['plan/here']);
    expect(part.nodes.get('plan/here')).toMatchObject({ after: [], needs: [{ milestone: 'before', kind: 'barrier' }] });
    expect(part.provides.get('reached')).toEqual([{ node: 'plan/here' }]);
  });
});
