import { describe, expect, it } from 'vitest';
import { KubexmError } from '../errors/index.js';
import { draft, output, sameHost, seal } from '../plan/index.js';
import { type JobTools, runGraph } from './index.js';
import { createStage, HOSTS, needed, quiet, satisfied, start, toyStep } from './toy-run.js';

const plan = () => draft<JobTools>('d');

describe('a job', () => {
  it('looks, acts and looks again', async () => {
    const g = plan();
    g.add('x', ['a'], toyStep());
    const { events, result } = start(g.done(), { clock: () => 7 });
    expect(await result).toEqual({
      state: 'done',
      ms: 0,
      totals: { jobs: 1, satisfied: 0, changed: 1, failed: 0, cancelled: 0, wouldChange: 0, waits: 0 },
      jobs: [{ node: 'd/x', host: 'a', outcome: { state: 'changed', because: 'it is missing' } }],
    });
    expect(events.map((event) => event.type)).toEqual([
      'run-started',
      'job-started',
      'job-acting',
      'job-finished',
      'run-finished',
    ]);
    expect(events[2]).toEqual({
      type: 'job-acting',
      at: 7,
      node: 'd/x',
      host: 'a',
      because: 'it is missing',
      attempt: 1,
    });
  });

  it('does nothing where nothing is needed, and unlocks what waits for it', async () => {
    const g = plan();
    const there = g.add('there', HOSTS, toyStep({ precheck: async () => satisfied, run: never }));
    g.add('behind', HOSTS, toyStep(), { after: there });
    const { totals } = await start(g.done()).result;
    expect(totals).toMatchObject({ satisfied: 3, changed: 3 });
  });

  it('that only waits has changed nothing when it is over', async () => {
    const g = plan();
    let there = false;
    g.add(
      'wait',
      ['a'],
      toyStep({
        waits: true,
        precheck: async () => (there ? satisfied : needed),
        run: async () => void (there = true),
      }),
    );
    const { totals, jobs } = await start(g.done()).result;
    expect(totals).toMatchObject({ satisfied: 1, changed: 0 });
    expect(jobs[0]?.outcome).toEqual({ state: 'satisfied', because: 'waited for it: it is missing' });
  });

  it('that would have to wait is shown as waiting, and what stands behind it too', async () => {
    const g = plan();
    const waits = g.add('wait', ['a'], toyStep({ waits: true, precheck: async () => needed, run: never }));
    g.add('behind', ['a'], toyStep(), { after: waits });
    const { totals } = await start(g.done(), { mode: 'check' }).result;
    expect(totals).toMatchObject({ wouldChange: 0, waits: 2 });
  });

  it('that waits for a change is asked as things are, where that is wanted; only what it finds to change counts', async () => {
    const g = plan();
    const first = g.add('first', ['a'], toyStep({ precheck: async () => needed, run: never }));
    const other = g.add('other', ['a'], toyStep({ precheck: async () => needed, run: never }), { after: first });
    let asked = 0;
    const cannotTell = async () => {
      asked += 1;
      throw new Error('nothing is there');
    };
    const broken = g.add('broken', HOSTS, toyStep({ precheck: cannotTell, policy: { attempts: 3 } }), { after: other });
    const same = g.add('same', ['a'], toyStep({ precheck: async () => satisfied, run: never }), { after: broken });
    g.add('reacts', ['a'], toyStep({ reacts: true, precheck: cannotTell, run: never }), { after: same });
    const graph = g.done();
    const found = await start(graph, { mode: 'check', beyond: true }).result;
    expect([found.state, asked]).toEqual(['done', HOSTS.length]);
    expect(found.totals).toMatchObject({ wouldChange: 2, waits: HOSTS.length + 2, satisfied: 0, failed: 0 });
    expect(found.jobs.at(-1)?.outcome).toEqual({
      state: 'waits',
      because: 'waits for d/other on a, which would change',
    });
    const { totals } = await start(graph, { mode: 'check' }).result;
    expect(totals).toMatchObject({ wouldChange: 1, waits: HOSTS.length + 3 });
  });

  it('fails where it ends without an error and is still needed', async () => {
    const g = plan();
    g.add('x', ['a'], toyStep({ run: async () => {} }));
    const { outcomes, result } = start(g.done());
    expect((await result).state).toBe('failed');
    expect(outcomes.get('d/x@a')).toMatchObject({
      state: 'failed',
      phase: 'recheck',
      error: { code: 'STEP_NOT_EFFECTIVE' },
    });
  });

  it('does not look again where that tells nothing', async () => {
    const g = plan();
    g.add('x', ['a'], toyStep({ run: async () => {}, recheck: false }));
    expect((await start(g.done()).result).state).toBe('done');
  });

  it.each([
    ['precheck', { precheck: () => Promise.reject(new Error('cannot tell')) }],
    ['run', { run: () => Promise.reject(new Error('cannot do')) }],
    [
      'precheck',
      {
        precheck: () => {
          throw new Error('at once');
        },
      },
    ],
  ] as const)('says that its %s failed', async (phase, parts) => {
    const g = plan();
    g.add('x', ['a'], toyStep(parts));
    const { outcomes, result } = start(g.done());
    await result;
    expect(outcomes.get('d/x@a')).toMatchObject({ state: 'failed', phase });
  });

  it('hands what the precheck found to run', async () => {
    const seen: unknown[] = [];
    const g = plan();
    const step = toyStep({
      recheck: false,
      precheck: async () => ({ ...needed, before: { mode: 0o644 } }),
      run: async (_, before) => {
        seen.push(before);
      },
    });
    g.add('x', ['a'], step);
    await start(g.done()).result;
    expect(seen).toEqual([{ mode: 0o644 }]);
  });
});

describe('order', () => {
  it('lets a fast host run ahead on its lane, and holds all at a barrier', async () => {
    const stage = createStage();
    const g = plan();
    const one = g.add('one', HOSTS, stage.step());
    const two = g.add('two', HOSTS, stage.step(), { after: sameHost(one) });
    g.add('three', ['a'], stage.step(), { after: two });
    const { result } = start(g.done());
    await quiet();
    expect(stage.running()).toEqual(['d/one@a', 'd/one@b', 'd/one@c']);
    await stage.finish('d/one@a');
    expect(stage.running()).toContain('d/two@a');
    await stage.finish('d/two@a');
    expect(stage.running()).toEqual(['d/one@b', 'd/one@c']);
    for (const job of ['d/one@b', 'd/one@c', 'd/two@b']) await stage.finish(job);
    expect(stage.running()).toEqual(['d/two@c']);
    await stage.finish('d/two@c');
    await stage.finish('d/three@a');
    expect((await result).state).toBe('done');
  });

  it('cancels what depends on a failed host, and nothing else', async () => {
    const stage = createStage();
    const g = plan();
    const one = g.add('one', HOSTS, stage.step());
    const lane = g.add('lane', HOSTS, toyStep(), { after: sameHost(one) });
    const barrier = g.add('barrier', ['c'], toyStep(), { after: one });
    g.add('end', ['c'], toyStep(), { after: [barrier, sameHost(lane)] });
    g.add('beside', ['b'], toyStep());
    const { outcomes, result } = start(g.done());
    await quiet();
    await stage.fail('d/one@b');
    await stage.finish('d/one@a');
    await stage.finish('d/one@c');
    expect(await result).toMatchObject({ state: 'failed', totals: { changed: 5, failed: 1, cancelled: 3 } });
    expect(outcomes.get('d/lane@a')).toMatchObject({ state: 'changed' });
    for (const job of ['d/lane@b', 'd/barrier@c', 'd/end@c']) {
      expect(outcomes.get(job)).toEqual({ state: 'cancelled', because: 'd/one on b failed' });
    }
  });

  it('with failFast starts nothing more after a failure', async () => {
    const stage = createStage();
    const g = plan();
    g.add('bad', ['a'], stage.step());
    const slow = g.add('slow', ['b'], stage.step());
    g.add('behind', ['b'], toyStep(), { after: slow });
    const { outcomes, result } = start(g.done(), { failFast: true });
    await quiet();
    await stage.fail('d/bad@a');
    await stage.finish('d/slow@b');
    expect((await result).state).toBe('failed');
    expect(outcomes.get('d/slow@b')).toMatchObject({ state: 'changed' });
    expect(outcomes.get('d/behind@b')).toEqual({ state: 'cancelled', because: 'an earlier failure ended the run' });
  });
});

describe('outputs', () => {
  const token = output<string>('token');
  const writer = (value: (host: string) => string, more = {}) =>
    toyStep({ writes: ['token'], recheck: false, run: async (ctx) => ctx.write(token, value(ctx.host)), ...more });
  const reader = (read: string[]) =>
    toyStep({
      params: { token },
      recheck: false,
      run: async (ctx) => {
        read.push(`${ctx.host}: ${ctx.read(token)}`);
      },
    });

  it('reach readers on other hosts, and each host reads its own where it has one', async () => {
    const read: string[] = [];
    const g = plan();
    const write = g.add(
      'write',
      ['a'],
      writer(() => 'one'),
    );
    g.add('read', ['b'], reader(read), { after: write });
    await start(g.done()).result;
    const h = plan();
    const each = h.add(
      'write',
      HOSTS,
      writer((host) => `of ${host}`),
    );
    h.add('read', ['a', 'b'], reader(read), { after: each });
    await start(h.done()).result;
    expect(read).toEqual(['b: one', 'a: of a', 'b: of b']);
  });

  it('may be written by a precheck that is satisfied', async () => {
    const read: string[] = [];
    const g = plan();
    const precheck = async (ctx: JobTools) => {
      ctx.write(token, 'found');
      return satisfied;
    };
    const write = g.add(
      'write',
      ['a'],
      writer(() => 'new', { precheck }),
    );
    g.add('read', ['b'], reader(read), { after: write });
    await start(g.done()).result;
    expect(read).toEqual(['b: found']);
  });

  it('are ambiguous for a host that has none of several', async () => {
    const g = plan();
    const write = g.add(
      'write',
      ['a', 'b'],
      writer((host) => host),
    );
    g.add('read', ['c'], reader([]), { after: write });
    const { outcomes, result } = start(g.done());
    await result;
    expect(outcomes.get('d/read@c')).toMatchObject({
      error: {
        code: 'OUTPUT_MISSING',
        message: 'd/read on c reads the output token, which has no value on c, but one on each of a, b',
      },
    });
  });

  it.each([
    ['is through without writing token', { run: async () => {} }],
    ['is through without writing token', { precheck: async () => satisfied }],
    [
      'writes the output other without declaring it in writes',
      { run: async (ctx: JobTools) => ctx.write(output<string>('other'), 'x') },
    ],
  ])('fail a job that %s', async (message, parts) => {
    const g = plan();
    g.add(
      'write',
      ['a'],
      writer(() => 'x', parts),
    );
    const { outcomes, result } = start(g.done());
    await result;
    expect(outcomes.get('d/write@a')).toMatchObject({ state: 'failed', error: { message: `d/write on a ${message}` } });
  });
});

describe('check mode', () => {
  it('asks what stands behind satisfied work only, and says what the rest waits for', async () => {
    const asked: string[] = [];
    const look = (answer: typeof needed) =>
      toyStep({
        run: never,
        precheck: async ({ node, host }) => {
          asked.push(`${node}@${host}`);
          return answer;
        },
      });
    const g = plan();
    const there = g.add('there', ['a', 'b'], look(satisfied));
    const missing = g.addEach('missing', ['a', 'b'], (host) => look(host === 'a' ? needed : satisfied), {
      after: there,
    });
    const lane = g.add('lane', ['a', 'b'], look(needed), { after: sameHost(missing) });
    g.add('end', ['b'], look(needed), { after: [missing, lane] });
    const { outcomes, result } = start(g.done(), { mode: 'check' });
    expect(await result).toMatchObject({
      state: 'done',
      totals: { satisfied: 3, wouldChange: 2, waits: 2, changed: 0 },
    });
    expect(outcomes.get('d/lane@b')).toEqual({ state: 'would-change', because: 'it is missing' });
    expect(outcomes.get('d/lane@a')).toEqual({
      state: 'waits',
      because: 'waits for d/missing on a, which would change',
    });
    expect(outcomes.get('d/end@b')).toEqual({
      state: 'waits',
      because: 'waits for d/missing on a, which would change',
    });
    expect(asked.sort()).toEqual(['d/lane@b', 'd/missing@a', 'd/missing@b', 'd/there@a', 'd/there@b']);
  });

  it('reports prechecks that fail', async () => {
    const g = plan();
    const bad = g.add('bad', ['a'], toyStep({ precheck: () => Promise.reject(new Error('no shell')) }));
    g.add('behind', ['a'], toyStep(), { after: bad });
    expect(await start(g.done(), { mode: 'check' }).result).toMatchObject({
      state: 'failed',
      totals: { failed: 1, cancelled: 1 },
    });
  });
});

describe('rollback', () => {
  it('undoes what this run changed, last first, and says what it cannot', async () => {
    const undone: unknown[] = [];
    const undoable = (before: string, more = {}) =>
      toyStep({
        recheck: false,
        precheck: async () => ({ ...needed, before }),
        rollback: async ({ node }, was) => {
          undone.push([node, was]);
        },
        ...more,
      });
    const g = plan();
    const there = g.add('there', ['a'], undoable('x', { precheck: async () => satisfied }));
    const one = g.add('one', ['a'], undoable('nothing'), { after: there });
    const two = g.add('two', ['a'], toyStep(), { after: one });
    const three = g.add('three', ['a'], undoable('a file', { rollback: () => Promise.reject(new Error('gone')) }), {
      after: two,
    });
    const four = g.add('four', ['a'], undoable('another'), { after: three });
    g.add('bad', ['a'], undoable('y', { run: () => Promise.reject(new Error('broken')) }), { after: four });
    const { events, result } = start(g.done(), { rollbackOnFailure: true });
    expect((await result).state).toBe('failed');
    expect(undone).toEqual([
      ['d/four', 'another'],
      ['d/one', 'nothing'],
    ]);
    const ends = events.flatMap((event) =>
      event.type === 'rollback-finished' ? [[event.node, event.outcome.state]] : [],
    );
    expect(ends).toEqual([
      ['d/four', 'rolled-back'],
      ['d/three', 'failed'],
      ['d/two', 'cannot'],
      ['d/one', 'rolled-back'],
    ]);
    expect(events.at(-1)?.type).toBe('run-finished');
  });

  it('is left alone unless it is asked for', async () => {
    const g = plan();
    const one = g.add('one', ['a'], toyStep({ rollback: never }));
    g.add('bad', ['a'], toyStep({ run: () => Promise.reject(new Error('broken')) }), { after: one });
    const { events, result } = start(g.done());
    await result;
    expect(events.filter((event) => event.type.startsWith('rollback'))).toEqual([]);
  });
});

describe('the run', () => {
  it('refuses graphs that seal did not make, and names without a limit', async () => {
    const g = plan();
    g.add('x', ['a'], toyStep({ uses: ['upload'] }));
    const graph = seal('toy', g.done(), { hosts: HOSTS });
    const options = {
      mode: 'apply' as const,
      createContext: (tools: JobTools) => tools,
      emit: () => {},
      report: () => ({ code: '', message: '', details: [] }),
    };
    await expect(runGraph({ ...graph }, { ...options, limits: { perHost: 1, named: { upload: 1 } } })).rejects.toThrow(
      'was not made by seal',
    );
    const lacking = runGraph(graph, { ...options, limits: { perHost: 1, named: {} } });
    await expect(lacking).rejects.toMatchObject({
      code: 'GRAPH_INVALID',
      details: ['d/x uses upload, which has no limit'],
    });
    const zero = runGraph(graph, { ...options, limits: { perHost: 0, named: { upload: 0 } } });
    await expect(zero).rejects.toMatchObject({ details: ['the limit per host is 0', 'the limit of upload is 0'] });
  });

  it('is not disturbed by readers that throw, and hands their errors back at the end', async () => {
    const ran: string[] = [];
    const g = plan();
    g.add('x', HOSTS, toyStep({ recheck: false, run: async ({ host }) => void ran.push(host) }));
    const broken = start(g.done(), {
      emit(event) {
        if (event.type === 'job-acting') throw new Error('disk full');
      },
    });
    await expect(broken.result).rejects.toThrow('the readers of the run’s events failed');
    expect(ran).toEqual(HOSTS);
  });

  it('survives a report that throws, without printing what it could not clean', async () => {
    const g = plan();
    g.add('x', ['a'], toyStep({ run: () => Promise.reject(new Error('the password is hunter2')) }));
    const { outcomes, result } = start(g.done(), {
      report: () => {
        throw new KubexmError('INTERNAL', 'no report');
      },
    });
    await expect(result).rejects.toThrow('no report');
    expect(JSON.stringify([...outcomes])).not.toContain('hunter2');
  });

  it('passes progress and logs on, and nothing of an attempt that is over', async () => {
    let late: JobTools | undefined;
    const g = plan();
    g.add(
      'x',
      ['a'],
      toyStep({
        recheck: false,
        run: async (tools) => {
          tools.progress(1, 2, 'bytes');
          tools.progress(3, undefined, 'count');
          tools.log('warn', 'odd', { n: 1 });
          late = tools;
        },
      }),
    );
    const { events, result } = start(g.done(), { clock: () => 1 });
    await result;
    late?.progress(2, 2, 'bytes');
    late?.log('info', 'too late');
    const job = { at: 1, node: 'd/x', host: 'a' };
    expect(events.filter((event) => event.type === 'job-progress' || event.type === 'job-log')).toEqual([
      { type: 'job-progress', ...job, done: 1, total: 2, unit: 'bytes' },
      { type: 'job-progress', ...job, done: 3, unit: 'count' },
      { type: 'job-log', ...job, level: 'warn', message: 'odd', data: { n: 1 } },
    ]);
  });
});

async function never(): Promise<void> {
  throw new Error('this must not be called');
}
