import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type After, draft, type ExecutionGraph, type Ref, sameHost, seal } from '../plan/index.js';
import { jobOrder } from '../plan/toy-steps.js';
import type { JobTools } from './index.js';
import { HOSTS, needed, satisfied, seededRandom, shuffled, startGraph, toyStep } from './toy-run.js';

type Fate = 'changed' | 'satisfied' | 'failed';

interface NodePlan {
  readonly on: readonly string[];
  readonly after: readonly (readonly [number, 'barrier' | 'sameHost'])[];
  readonly uses: readonly string[];
}

const nodePlans: fc.Arbitrary<readonly NodePlan[]> = fc.array(
  fc.record({
    on: fc.subarray(HOSTS, { minLength: 1 }),
    after: fc.array(fc.tuple(fc.nat(), fc.constantFrom('barrier' as const, 'sameHost' as const)), { maxLength: 3 }),
    uses: fc.subarray(['x', 'y']),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Steps end after a random number of turns, ready jobs queue up in random order. */
async function runRandom(plans: readonly NodePlan[], seed: number, fateOf: (job: string) => Fate) {
  const random = seededRandom(seed);
  const turns = async () => {
    for (let left = Math.floor(random() * 3); left > 0; left -= 1)
      await new Promise((resolve) => setImmediate(resolve));
  };
  const ended: string[] = [];
  const looked: string[] = [];
  const acted: string[] = [];
  const step = (uses: readonly string[]) =>
    toyStep({
      uses,
      recheck: false,
      async precheck({ node, host }) {
        looked.push(`${node}@${host}`);
        await turns();
        if (fateOf(`${node}@${host}`) !== 'satisfied') return needed;
        ended.push(`${node}@${host}`);
        return satisfied;
      },
      async run({ node, host }) {
        acted.push(`${node}@${host}`);
        await turns();
        if (fateOf(`${node}@${host}`) === 'failed') throw new Error('fated');
        ended.push(`${node}@${host}`);
      },
    });
  const g = draft<JobTools>('d');
  const refs: Ref[] = [];
  for (const [index, { on, after, uses }] of plans.entries()) {
    const before = after.flatMap(([number, kind]): readonly After[] => {
      const ref = refs[number % (index + 1)];
      if (ref === undefined) return [];
      return kind === 'barrier' ? [ref] : [sameHost(ref, { where: 'present' })];
    });
    refs.push(g.add(`n${index}`, on, step(uses), { after: before }));
  }
  const graph = seal('random', g.done(), { hosts: HOSTS });
  const run = startGraph(graph, {
    limits: { perHost: 2, named: { x: 1, y: 2 } },
    order: (ready) => shuffled(ready, random),
  });
  return { graph, result: await run.result, events: run.events, outcomes: run.outcomes, ended, looked, acted };
}

function orderOf(graph: ExecutionGraph<JobTools>): readonly (readonly [string, string])[] {
  const fragment = { nodes: new Map(graph.nodes.map((node) => [node.id, { ...node, needs: [] }])) };
  return [...jobOrder(fragment)].map((pair) => {
    const [before = '', after = ''] = pair.split(' < ');
    return [before, after] as const;
  });
}

describe('any graph, in any order', () => {
  it('runs every job exactly once, and after everything that it waits for', async () => {
    await fc.assert(
      fc.asyncProperty(nodePlans, fc.nat(), async (plans, seed) => {
        const { graph, result, ended, looked, acted } = await runRandom(plans, seed, () => 'changed');
        const jobs = graph.nodes.flatMap((node) => node.jobs.map(({ host }) => `${node.id}@${host}`));
        expect(result.state).toBe('done');
        for (const list of [ended, looked, acted]) expect([...list].sort()).toEqual([...jobs].sort());
        const rank = new Map(ended.map((job, index) => [job, index]));
        for (const [before, after] of orderOf(graph)) expect(rank.get(before)).toBeLessThan(rank.get(after) ?? -1);
      }),
      { numRuns: 150 },
    );
  });

  it('cancels exactly what stands behind a failure, and gives every job one end and its events in order', async () => {
    const fates = fc.array(fc.constantFrom<Fate>('changed', 'changed', 'satisfied', 'failed'), {
      minLength: 36,
      maxLength: 36,
    });
    await fc.assert(
      fc.asyncProperty(nodePlans, fates, fc.nat(), async (plans, all, seed) => {
        const fateOf = (job: string): Fate => {
          const [, node = '0', host = 'a'] = /^d\/n(\d+)@(.)$/.exec(job) ?? [];
          return all[Number(node) * 3 + HOSTS.indexOf(host)] ?? 'changed';
        };
        const { graph, events, outcomes, looked } = await runRandom(plans, seed, fateOf);
        const behindFailure = new Map<string, string>();
        const jobs = graph.nodes.flatMap((node) => node.jobs.map(({ host }) => `${node.id}@${host}`));
        const order = orderOf(graph);
        for (const job of jobs) {
          const before = order.filter(([, after]) => after === job).map(([first]) => first);
          if (before.some((other) => fateOf(other) === 'failed' && !behindFailure.has(other)))
            behindFailure.set(job, job);
        }
        for (const job of jobs)
          expect([job, outcomes.get(job)?.state]).toEqual([job, behindFailure.has(job) ? 'cancelled' : fateOf(job)]);
        expect([...looked].sort()).toEqual(jobs.filter((job) => !behindFailure.has(job)).sort());
        for (const job of jobs) {
          const own = events.flatMap((event) =>
            'node' in event && `${event.node}@${event.host}` === job ? [event.type] : [],
          );
          const state = outcomes.get(job)?.state;
          const expected = { cancelled: [], satisfied: ['job-started'] }[
            state === 'cancelled' || state === 'satisfied' ? state : 'cancelled'
          ];
          const started = state === 'changed' || state === 'failed' ? ['job-started', 'job-acting'] : expected;
          expect(own).toEqual([...started, 'job-finished']);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('gives the same reasons for the same failures, whatever the order', async () => {
    await fc.assert(
      fc.asyncProperty(nodePlans, fc.nat(), fc.nat(), async (plans, one, other) => {
        const fateOf = (job: string): Fate => (job.length % 2 === 0 || job.endsWith('b') ? 'failed' : 'changed');
        const [first, second] = [await runRandom(plans, one, fateOf), await runRandom(plans, other, fateOf)];
        expect(first.result.jobs).toEqual(second.result.jobs);
      }),
      { numRuns: 60 },
    );
  });
});

describe('size', () => {
  it('is no matter of the stack: 30,000 jobs in a chain, done or cancelled', async () => {
    for (const run of [async () => {}, () => Promise.reject(new Error('fated'))]) {
      const g = draft<JobTools>('d');
      const link = toyStep({ recheck: false, precheck: async () => needed, run: async () => {} });
      let before = g.add('first', ['a'], toyStep({ recheck: false, run }));
      for (let index = 0; index < 30_000; index += 1) before = g.add(`n${index}`, ['a'], link, { after: before });
      const { totals } = await startGraph(seal('chain', g.done(), { hosts: HOSTS })).result;
      expect(totals.changed + totals.cancelled + totals.failed).toBe(30_001);
    }
  });

  it('is no matter of the stack: 30,000 jobs that fail before they begin', async () => {
    const g = draft<JobTools>('d');
    for (let index = 0; index < 30_000; index += 1) g.add(`n${index}`, ['a'], toyStep());
    const createContext = () => {
      throw new Error('no context');
    };
    const { totals } = await startGraph(seal('wide', g.done(), { hosts: HOSTS }), { createContext }).result;
    expect(totals.failed).toBe(30_000);
  });
});
