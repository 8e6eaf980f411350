import { describe, expect, it } from 'vitest';
import { draft, sameHost } from '../plan/index.js';
import type { JobTools } from './index.js';
import { createStage, HOSTS, quiet, satisfied, seededRandom, shuffled, start, toyStep } from './toy-run.js';

describe('limits', () => {
  it('hold for each host, prechecks included', async () => {
    let here = 0;
    let most = 0;
    const busy = async () => {
      here += 1;
      most = Math.max(most, here);
      await quiet();
      here -= 1;
    };
    const step = toyStep({
      recheck: false,
      precheck: async () => {
        await busy();
        return { state: 'needed', because: '' };
      },
      run: busy,
    });
    const g = draft<JobTools>('d');
    for (let index = 0; index < 20; index += 1) g.add(`x${index}`, ['a'], step);
    expect((await start(g.done(), { limits: { perHost: 3, named: {} } }).result).totals.changed).toBe(20);
    expect(most).toBe(3);
  });

  it('of a name hold across hosts, first come first served', async () => {
    const stage = createStage();
    const g = draft<JobTools>('d');
    g.add('join', HOSTS, stage.step({ uses: ['join'] }));
    const { result } = start(g.done(), { limits: { perHost: 8, named: { join: 1 } } });
    for (const host of HOSTS) {
      await quiet();
      expect(stage.running()).toEqual([`d/join@${host}`]);
      await stage.finish(`d/join@${host}`);
    }
    expect((await result).state).toBe('done');
  });

  it('of a name go first to the job with the longest way behind it', async () => {
    const stage = createStage();
    const g = draft<JobTools>('d');
    g.add('busy', ['a'], stage.step({ uses: ['upload'] }));
    g.add('short', ['a'], stage.step({ uses: ['upload'] }));
    const long = g.add('long', ['b'], stage.step({ uses: ['upload'] }));
    g.add('after', ['b'], stage.step(), { after: sameHost(long) });
    const { result } = start(g.done(), { limits: { perHost: 8, named: { upload: 1 } } });
    for (const next of ['d/busy@a', 'd/long@b', 'd/short@a']) {
      await quiet();
      expect(stage.running()).toContain(next);
      await stage.finish(next);
    }
    await quiet();
    await stage.finish('d/after@b');
    expect((await result).state).toBe('done');
  });

  it('of a name are not held by what only looks', async () => {
    const stage = createStage();
    const g = draft<JobTools>('d');
    g.add('join', ['a'], stage.step({ uses: ['join'] }));
    g.add('joined', ['b'], toyStep({ uses: ['join'], precheck: async () => satisfied }));
    const { outcomes, result } = start(g.done(), { limits: { perHost: 8, named: { join: 1 } } });
    await quiet();
    expect(stage.running()).toEqual(['d/join@a']);
    expect(outcomes.get('d/joined@b')?.state).toBe('satisfied');
    await stage.finish('d/join@a');
    await result;
  });

  it('leave the places of a host to others while a job waits for a name', async () => {
    const stage = createStage();
    const g = draft<JobTools>('d');
    g.add('hog', ['b'], stage.step({ uses: ['join'] }));
    for (const index of [1, 2, 3]) g.add(`join${index}`, ['a'], stage.step({ uses: ['join'] }));
    g.add('other', ['a'], stage.step());
    const { result } = start(g.done(), { limits: { perHost: 2, named: { join: 1 } } });
    await quiet();
    expect(stage.running()).toEqual(['d/hog@b', 'd/other@a']);
    for (const job of ['d/other@a', 'd/hog@b', 'd/join1@a', 'd/join2@a', 'd/join3@a']) await stage.finish(job);
    expect((await result).state).toBe('done');
  });

  it('let a job that needs two names have its turn among many that need one of them', async () => {
    const stage = createStage();
    const g = draft<JobTools>('d');
    const first = [g.add('x0', ['a'], stage.step({ uses: ['x'] })), g.add('y0', ['b'], stage.step({ uses: ['y'] }))];
    g.add('both', ['c'], stage.step({ uses: ['y', 'x'] }));
    for (const index of [1, 2, 3, 4]) {
      g.add(`x${index}`, ['a'], stage.step({ uses: ['x'] }));
      g.add(`y${index}`, ['b'], stage.step({ uses: ['y'] }));
    }
    expect(first).toHaveLength(2);
    const { result } = start(g.done(), { limits: { perHost: 8, named: { x: 1, y: 1 } } });
    await quiet();
    expect(stage.running()).toEqual(['d/x0@a', 'd/y0@b']);
    await stage.finish('d/x0@a');
    await stage.finish('d/y0@b');
    expect(stage.running()).toEqual(['d/both@c']);
    await stage.finish('d/both@c');
    while (stage.running().length > 0) await stage.finish(stage.running()[0] ?? '');
    expect((await result).totals.changed).toBe(11);
  });

  const seed = Math.floor(Math.random() * 1e9);
  it(`hold in any mixture and in any order, and everything gets its turn (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const limits = { perHost: 3, named: { x: 2, y: 1, z: 4 } };
    const names = Object.keys(limits.named) as (keyof typeof limits.named)[];
    const held: Record<string, number> = {};
    const hold = async (what: readonly string[]) => {
      for (const name of what) {
        held[name] = (held[name] ?? 0) + 1;
        expect(held[name]).toBeLessThanOrEqual(name in limits.named ? limits.named[name as 'x'] : limits.perHost);
      }
      for (let turns = Math.floor(random() * 4); turns > 0; turns -= 1)
        await new Promise((resolve) => setImmediate(resolve));
      for (const name of what) held[name] = (held[name] ?? 0) - 1;
    };
    const g = draft<JobTools>('d');
    let before = g.add('first', HOSTS, toyStep());
    for (let index = 0; index < 60; index += 1) {
      const uses = names.filter(() => random() < 0.4);
      const step = toyStep({
        uses,
        recheck: false,
        precheck: async ({ host }) => {
          await hold([host]);
          return { state: 'needed', because: '' };
        },
        run: ({ host }) => hold([host, ...uses]),
      });
      const ref = g.add(`x${index}`, HOSTS, step, random() < 0.3 ? { after: sameHost(before) } : {});
      if (random() < 0.5) before = ref;
    }
    const { result } = start(g.done(), { limits, order: (ready) => shuffled(ready, random) });
    expect((await result).totals).toMatchObject({ jobs: 183, changed: 183 });
    expect(Object.values(held).every((count) => count === 0)).toBe(true);
  });
});
