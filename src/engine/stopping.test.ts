import { getMaxListeners } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { KubexmError } from '../errors/index.js';
import { draft, type Step, sameHost } from '../plan/index.js';
import { Attempt } from './attempt.js';
import type { JobTools } from './index.js';
import { createOutputs } from './outputs.js';
import { createStage, needed, quiet, satisfied, start, toyStep } from './toy-run.js';

afterEach(() => {
  vi.useRealTimers();
});

const LIMITS = { perHost: 8, named: { one: 1 } };

function signals() {
  const [drain, abort] = [new AbortController(), new AbortController()];
  return { drain, abort, stop: { drain: drain.signal, abort: abort.signal } };
}

it('a step may wait for many things at once without a warning', async () => {
  const g = draft<JobTools>('many');
  let room: number | undefined;
  const step = toyStep({
    precheck: ({ signal }) => {
      room = getMaxListeners(signal);
      return Promise.resolve(satisfied);
    },
  });
  g.add('x', ['a'], step);
  await start(g.done(), { limits: LIMITS }).result;
  expect(room).toBe(Number.POSITIVE_INFINITY);
});

describe('draining', () => {
  it('starts nothing new and lets what runs finish', async () => {
    const stage = createStage();
    const { drain, stop } = signals();
    const g = draft<JobTools>('d');
    const running = g.add('running', ['a', 'b'], stage.step({ uses: ['one'] }));
    g.add('behind', ['a'], toyStep(), { after: running });
    const { events, outcomes, result } = start(g.done(), { stop, limits: LIMITS });
    await quiet();
    drain.abort();
    await quiet();
    expect(outcomes.get('d/running@b')).toEqual({ state: 'cancelled', because: 'the run was stopped' });
    await stage.finish('d/running@a');
    expect(await result).toMatchObject({ state: 'interrupted', totals: { changed: 1, cancelled: 2 } });
    expect(outcomes.get('d/behind@a')).toEqual({ state: 'cancelled', because: 'the run was stopped' });
    expect(events.filter((event) => event.type === 'run-stopping')).toMatchObject([{ how: 'drain' }]);
  });

  it('does not act after a look that was under way', async () => {
    const { drain, stop } = signals();
    const g = draft<JobTools>('d');
    g.add(
      'x',
      ['a'],
      toyStep({
        precheck: async () => {
          drain.abort();
          return needed;
        },
        run: () => Promise.reject(new Error('acted')),
      }),
    );
    const { outcomes, result } = start(g.done(), { stop });
    expect((await result).state).toBe('interrupted');
    expect(outcomes.get('d/x@a')?.state).toBe('cancelled');
  });

  it('changes nothing where everything was through anyway', async () => {
    const stage = createStage();
    const { drain, stop } = signals();
    const g = draft<JobTools>('d');
    g.add('last', ['a'], stage.step());
    const { result } = start(g.done(), { stop });
    await quiet();
    drain.abort();
    await stage.finish('d/last@a');
    expect((await result).state).toBe('done');
  });

  it('before the start cancels everything', async () => {
    const { drain, stop } = signals();
    drain.abort();
    const g = draft<JobTools>('d');
    const first = g.add('x', ['a', 'b'], toyStep());
    g.add('y', ['a', 'b'], toyStep(), { after: sameHost(first) });
    expect(await start(g.done(), { stop }).result).toMatchObject({ state: 'interrupted', totals: { cancelled: 4 } });
  });

  it('may be asked for from within an event', async () => {
    const { drain, stop } = signals();
    const g = draft<JobTools>('d');
    for (let index = 0; index < 20; index += 1) g.add(`x${index}`, ['a'], toyStep());
    const { result } = start(g.done(), {
      stop,
      limits: { perHost: 2, named: {} },
      emit: (event) => event.type === 'job-started' && drain.abort(),
    });
    expect(await result).toMatchObject({ state: 'interrupted', totals: { cancelled: 20 } });
  });
});

describe('aborting', () => {
  it('aborts the signals of what runs, and waits for it to end', async () => {
    const { abort, stop } = signals();
    const g = draft<JobTools>('d');
    g.add('x', ['a'], toyStep({ recheck: false, run: waitForAbort }));
    const { outcomes, result } = start(g.done(), { stop });
    await quiet();
    abort.abort();
    expect((await result).state).toBe('interrupted');
    expect(outcomes.get('d/x@a')).toMatchObject({
      state: 'failed',
      phase: 'run',
      error: { code: 'CANCELLED', message: 'Do it on a was aborted while it was running' },
    });
  });

  it('does not wait for ever for a step that does not listen', async () => {
    const { abort, drain, stop } = signals();
    const g = draft<JobTools>('d');
    g.add('deaf', ['a', 'b'], toyStep({ run: () => new Promise(() => {}) }));
    const { events, result } = start(g.done(), { stop, abortGraceMs: 20 });
    await quiet();
    drain.abort();
    await quiet();
    abort.abort();
    expect(await result).toMatchObject({ state: 'interrupted', totals: { failed: 2 } });
    expect(events.flatMap((event) => (event.type === 'run-stopping' ? [event.how] : []))).toEqual(['drain', 'abort']);
  });

  it('leaves no timer behind, and rolls nothing back', async () => {
    vi.useFakeTimers();
    const { abort, stop } = signals();
    const g = draft<JobTools>('d');
    const undo = { rollback: () => Promise.reject(new Error('this must not be called')) };
    const done = g.add('done', ['a'], toyStep(undo));
    g.add('x', ['a'], toyStep({ ...undo, run: waitForAbort }), { after: done });
    const { events, result } = start(g.done(), { stop, rollbackOnFailure: true });
    await vi.advanceTimersByTimeAsync(1);
    abort.abort();
    expect((await result).state).toBe('interrupted');
    expect(events.some((event) => event.type === 'rollback-started')).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps the success of a step that ends in time', async () => {
    const stage = createStage();
    const { abort, stop } = signals();
    const g = draft<JobTools>('d');
    g.add('x', ['a'], stage.step());
    const { outcomes, result } = start(g.done(), { stop });
    await quiet();
    abort.abort();
    await stage.finish('d/x@a');
    expect((await result).state).toBe('done');
    expect(outcomes.get('d/x@a')?.state).toBe('changed');
  });
});

describe('attempts', () => {
  const failing = (times: number, more: Partial<Step<JobTools>> = {}, error = new Error('not yet')): Step<JobTools> => {
    let left = times;
    return toyStep({
      recheck: false,
      policy: { attempts: 3, backoffMs: 4 },
      run: async () => {
        left -= 1;
        if (left >= 0) throw error;
      },
      ...more,
    });
  };

  it('are repeated after growing waits with a share of chance', async () => {
    const g = draft<JobTools>('d');
    g.add('x', ['a'], failing(2));
    const { events, result } = start(g.done(), { random: () => 0 });
    expect((await result).state).toBe('done');
    const seen = events.flatMap((event) => (event.type === 'job-retry' ? [[event.attempt, event.waitMs]] : []));
    expect(seen).toEqual([
      [1, 2],
      [2, 4],
    ]);
    expect(events.flatMap((event) => (event.type === 'job-acting' ? [event.attempt] : []))).toEqual([1, 2, 3]);
    expect(events.filter((event) => event.type === 'job-started')).toHaveLength(1);
  });

  it('end with the last error', async () => {
    const g = draft<JobTools>('d');
    g.add('x', ['a'], failing(3));
    const { outcomes, result } = start(g.done());
    await result;
    expect(outcomes.get('d/x@a')).toMatchObject({ state: 'failed', phase: 'run', error: { message: 'not yet' } });
  });

  it('are not repeated where that cannot help', async () => {
    const g = draft<JobTools>('d');
    g.add('x', ['a'], failing(1, {}, new KubexmError('SSH_HOST_KEY', 'another key', { retryable: false })));
    const { events, result } = start(g.done());
    expect((await result).state).toBe('failed');
    expect(events.some((event) => event.type === 'job-retry')).toBe(false);
  });

  it('look first: what the failed attempt has brought about is not done again', async () => {
    let there = false;
    let runs = 0;
    const rolledBack: unknown[] = [];
    const step = toyStep({
      policy: { attempts: 2, backoffMs: 1 },
      precheck: async () => (there ? satisfied : { ...needed, before: 'nothing' }),
      run: async () => {
        runs += 1;
        there = true;
        throw new Error('the connection broke after the work was done');
      },
      rollback: async (_, before) => void rolledBack.push(before),
    });
    const g = draft<JobTools>('d');
    const x = g.add('x', ['a'], step);
    g.add('bad', ['a'], toyStep({ run: () => Promise.reject(new Error('broken')) }), { after: x });
    const { outcomes, result } = start(g.done(), { rollbackOnFailure: true });
    await result;
    expect(outcomes.get('d/x@a')).toEqual({ state: 'changed', because: 'it is missing' });
    expect(runs).toBe(1);
    expect(rolledBack).toEqual(['nothing']);
  });

  it('do not listen to the attempt before', async () => {
    let first: JobTools | undefined;
    const step = toyStep({
      recheck: false,
      policy: { attempts: 2, backoffMs: 1 },
      run: async (tools) => {
        if (first === undefined) {
          first = tools;
          throw new Error('not yet');
        }
        first.log('info', 'from the first');
        tools.log('info', 'from the second');
      },
    });
    const g = draft<JobTools>('d');
    g.add('x', ['a'], step);
    const { events, result } = start(g.done());
    await result;
    expect(events.flatMap((event) => (event.type === 'job-log' ? [event.message] : []))).toEqual(['from the second']);
  });

  it('do not hold places while they wait', async () => {
    const g = draft<JobTools>('d');
    g.add('flaky', ['a'], failing(1, { uses: ['one'], policy: { attempts: 2, backoffMs: 40 } }));
    g.add('other', ['a'], toyStep({ uses: ['one'] }));
    const { events, result } = start(g.done(), { limits: { perHost: 1, named: { one: 1 } } });
    await result;
    const ends = events.flatMap((event) => (event.type === 'job-finished' ? [event.node] : []));
    expect(ends).toEqual(['d/other', 'd/flaky']);
  });

  it('are given up when the run is stopped', async () => {
    const { drain, stop } = signals();
    const g = draft<JobTools>('d');
    g.add('x', ['a'], failing(9, { policy: { attempts: 9, backoffMs: 60_000 } }));
    const { outcomes, result } = start(g.done(), { stop });
    await quiet();
    drain.abort();
    expect((await result).totals.failed).toBe(1);
    expect(outcomes.get('d/x@a')).toMatchObject({ error: { message: 'not yet' } });
  });

  it('fail in time, listening or not, and what comes late is ignored', async () => {
    vi.useFakeTimers();
    const finished: string[] = [];
    const policy = { timeoutMs: 1000 };
    const deaf = toyStep({
      policy,
      run: async (tools) => {
        await new Promise((resolve) => setTimeout(resolve, 5000));
        tools.log('info', 'late');
        finished.push(tools.node);
      },
    });
    const g = draft<JobTools>('d');
    g.add('deaf', ['a'], deaf);
    g.add('listening', ['b'], toyStep({ policy, run: waitForAbort }));
    g.add('quick', ['c'], toyStep({ policy }));
    const { events, outcomes, result } = start(g.done());
    await vi.advanceTimersByTimeAsync(999);
    // The deaf step's own and two timeouts: the quick one has left none.
    expect(vi.getTimerCount()).toBe(3);
    expect([...outcomes.keys()]).toEqual(['d/quick@c']);
    await vi.advanceTimersByTimeAsync(1);
    expect((await result).state).toBe('failed');
    for (const job of ['d/deaf@a', 'd/listening@b'])
      expect(outcomes.get(job)).toMatchObject({ state: 'failed', error: { code: 'COMMAND_TIMEOUT' } });
    expect(events.at(-1)?.type).toBe('run-finished');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(finished).toEqual(['d/deaf']);
    expect(events.at(-1)?.type).toBe('run-finished');
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('an attempt that was given up calls nothing more', async () => {
  const step = toyStep();
  const job = { index: 0, nodeIndex: 0, hostIndex: 0, node: 'x', host: 'a', step, uses: [] };
  const attempt = new Attempt<JobTools>(job, {
    outputs: createOutputs(),
    createContext: (tools) => tools,
    emit: () => {},
    clock: () => 0,
  });
  attempt.abort(new KubexmError('CANCELLED', 'stopped'));
  attempt.giveUp();
  await expect(attempt.call(() => new Promise(() => {}))).rejects.toThrow('stopped');
});

function waitForAbort({ signal }: JobTools): Promise<void> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the channel was closed')));
  });
}
