import { KubexmError } from '../errors/index.js';
import { type ExecutionFragment, type ExecutionGraph, type Precheck, type Step, seal } from '../plan/index.js';
import {
  type EngineEvent,
  type JobOutcome,
  type JobTools,
  type RunOptions,
  type RunResult,
  runGraph,
} from './index.js';

/** For tests: hosts of all toy graphs. */
export const HOSTS = ['a', 'b', 'c'];

/** For tests: `needed` until it has run on that host. */
export function toyStep(more: Partial<Step<JobTools>> = {}): Step<JobTools> {
  const done = new Set<string>();
  return {
    kind: 'toy',
    title: 'Do it',
    params: {},
    precheck: async ({ node, host }) => (done.has(`${node}@${host}`) ? satisfied : needed),
    run: async ({ node, host }) => {
      done.add(`${node}@${host}`);
    },
    ...more,
  };
}

export const satisfied: Precheck = { state: 'satisfied', because: 'it is there' };
export const needed: Precheck = { state: 'needed', because: 'it is missing' };

/** For tests: a run whose events and outcomes can be looked at, also while it goes on. */
export interface ToyRun {
  readonly events: EngineEvent[];
  /** `node@host` to outcome. */
  readonly outcomes: Map<string, JobOutcome>;
  readonly result: Promise<RunResult>;
}

/** For tests: seals a fragment and starts it. */
export function start(fragment: ExecutionFragment<JobTools>, options: Partial<RunOptions<JobTools>> = {}): ToyRun {
  return startGraph(seal('toy', fragment, { hosts: HOSTS }), options);
}

/** For tests: starts a sealed graph with everything that a test does not care about. */
export function startGraph(graph: ExecutionGraph<JobTools>, options: Partial<RunOptions<JobTools>> = {}): ToyRun {
  const events: EngineEvent[] = [];
  const outcomes = new Map<string, JobOutcome>();
  const result = runGraph(graph, {
    mode: 'apply',
    limits: { perHost: 8, named: {} },
    createContext: (tools) => tools,
    report: (error) => ({
      code: error instanceof KubexmError ? error.code : 'INTERNAL',
      message: error instanceof Error ? error.message : String(error),
      details: [],
    }),
    ...options,
    emit(event) {
      events.push(event);
      if (event.type === 'job-finished') outcomes.set(`${event.node}@${event.host}`, event.outcome);
      options.emit?.(event);
    },
  });
  return { events, outcomes, result };
}

/** For tests: a promise in the hands of the test. */
export interface Deferred<T = void> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) };
}

/** For tests: steps that run until the test lets them go, by `node@host`. */
export function createStage(): {
  step(more?: Partial<Step<JobTools>>): Step<JobTools>;
  running(): readonly string[];
  finish(job: string): Promise<void>;
  fail(job: string, error?: Error): Promise<void>;
} {
  const open = new Map<string, Deferred>();
  const take = (job: string): Deferred => {
    const found = open.get(job);
    if (found === undefined)
      throw new Error(`${job} is not running, but ${[...open.keys()].join(', ') || 'nothing'} is`);
    open.delete(job);
    return found;
  };
  return {
    step: (more = {}) =>
      toyStep({
        precheck: async () => needed,
        recheck: false,
        run: ({ node, host }) => {
          const here = deferred();
          open.set(`${node}@${host}`, here);
          return here.promise;
        },
        ...more,
      }),
    running: () => [...open.keys()],
    async finish(job) {
      take(job).resolve();
      await quiet();
    },
    async fail(job, error = new Error(`${job} broke`)) {
      take(job).reject(error);
      await quiet();
    },
  };
}

/** For tests: everything that can happen without the test has happened. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** For tests: numbers in [0, 1) that depend on the seed alone. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** For tests: the same items in another order. */
export function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
