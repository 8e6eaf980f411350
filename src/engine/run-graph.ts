import { unreachable } from '../errors/index.js';
import type { ExecutionGraph } from '../plan/index.js';
import type { EngineEvent, ErrorReport, JobOutcome } from './events.js';
import { createJobRunner, type JobRunner } from './job-runner.js';
import { type JobEntry, type JobTable, layOut } from './job-table.js';
import { createOutputs } from './outputs.js';
import { createReadiness, type Effect, type Release, STOPPED } from './readiness.js';
import { type ChangedJob, rollBack } from './rollback.js';
import { createSlots } from './slots.js';
import { countOutcomes } from './totals.js';
import type { RunOptions, RunResult } from './types.js';

/**
 * Runs a sealed graph to its end. Failures of steps are results; it throws GRAPH_INVALID before it starts for a graph
 * that it cannot run, and at the end whatever `emit` threw.
 */
export async function runGraph<Ctx>(graph: ExecutionGraph<Ctx>, options: RunOptions<Ctx>): Promise<RunResult> {
  const table = layOut(graph, options.limits);
  const clock = options.clock ?? Date.now;
  const startedAt = clock();
  const outside = guardCallbacks(options);
  const { emit } = outside;
  emit({
    type: 'run-started',
    at: startedAt,
    graph: graph.name,
    mode: options.mode,
    jobs: table.jobs.length,
    nodes: table.nodes.length,
    hosts: graph.hosts,
  });
  const setting = { outputs: createOutputs(), createContext: options.createContext, ...outside, clock };
  const { outcomes, changed, cutShort } = await runJobs(table, options, setting);
  const totals = countOutcomes(table.jobs.length, outcomes);
  const failed = totals.failed > 0;
  if (failed && options.rollbackOnFailure === true && !cutShort) {
    const isStopped = (): boolean => options.stop?.drain.aborted === true || options.stop?.abort.aborted === true;
    await rollBack(changed, { ...setting, stopped: isStopped, abort: options.stop?.abort });
  }
  const incomplete = failed || totals.cancelled > 0;
  const state = !incomplete ? 'done' : cutShort ? 'interrupted' : 'failed';
  const ms = clock() - startedAt;
  emit({ type: 'run-finished', at: clock(), ms, state, totals });
  outside.rethrow();
  const jobs = table.jobs.map(({ node, host, index }) => ({ node, host, outcome: outcomes[index] ?? NEVER }));
  return { state, ms, totals, jobs };
}

interface Ended<Ctx> {
  readonly outcomes: readonly JobOutcome[];
  /** In order of completion. */
  readonly changed: readonly ChangedJob<Ctx>[];
  /** A stop signal kept some job from its end. */
  readonly cutShort: boolean;
}

type Setting<Ctx> = ReturnType<typeof guardCallbacks<Ctx>> &
  Pick<RunOptions<Ctx>, 'createContext'> & { readonly outputs: ReturnType<typeof createOutputs>; clock(): number };

const NEVER: JobOutcome = Object.freeze({ state: 'cancelled', because: 'it was never reached' });

/** Starts what is ready, and lets each end decide what comes next, until every job has an outcome. */
async function runJobs<Ctx>(
  table: JobTable<Ctx>,
  options: RunOptions<Ctx>,
  setting: Setting<Ctx>,
): Promise<Ended<Ctx>> {
  const { emit, clock } = setting;
  const { jobs } = table;
  const outcomes: JobOutcome[] = Array.from({ length: jobs.length });
  const changed: ChangedJob<Ctx>[] = [];
  const readiness = createReadiness(table);
  // By job that is asked though it waits: the root of what it waits for.
  const tentative = new Map<number, number>();
  let open = jobs.length;
  let stopped: 'no' | 'by signal' | 'by failure' = 'no';
  let cutShort = false;
  const { promise: end, resolve: allEnded } = deferred();

  const slots = createSlots(table, options.limits.perHost, {
    look: (job) => runner.look(job),
    act: (job) => runner.act(job),
  });
  const runner: JobRunner<Ctx> = createJobRunner({
    ...setting,
    options,
    slots,
    random: options.random ?? Math.random,
    tentative: (job) => tentative.has(job.index),
    stopping: () =>
      stopped === 'no'
        ? undefined
        : stopped === 'by signal'
          ? 'the run was stopped'
          : 'an earlier failure ended the run',
    finished(job, ended, startedAt, before) {
      const waitsFor = tentative.get(job.index);
      const outcome =
        waitsFor === undefined || ended.state === 'would-change' || ended.state === 'cancelled'
          ? ended
          : waiting(waitsFor);
      if (outcome.state === 'changed' && options.rollbackOnFailure === true) changed.push({ job, before });
      if (outcome.state === 'failed' && options.failFast === true) stop('by failure');
      const own = outcome.state === 'waits' ? (waitsFor ?? job.index) : job.index;
      settle(record(job, outcome, clock() - startedAt, outcome.state === 'cancelled' ? STOPPED : own));
    },
  });

  function record(job: JobEntry<Ctx>, outcome: JobOutcome, ms: number, root: number): readonly Release[] {
    outcomes[job.index] = outcome;
    open -= 1;
    cutShort ||=
      stopped === 'by signal' &&
      (root === STOPPED || (outcome.state === 'failed' && outcome.error.code === 'CANCELLED'));
    const { node, host, step } = job;
    emit({ type: 'job-finished', at: clock(), ms, node, host, kind: step.kind, title: step.title, outcome });
    return readiness.settle(job.index, effectOf(outcome), root);
  }

  function settle(released: readonly Release[]): void {
    const ready: JobEntry<Ctx>[] = [];
    const queue = [...released];
    // The queue grows while it is walked: what is cancelled cancels further.
    for (const release of queue) {
      const job = jobs[release.job];
      if (job === undefined) continue;
      if (release.state === 'blocked' && options.beyond === true && job.step.reacts !== true && stopped === 'no') {
        tentative.set(job.index, release.by);
        ready.push(job);
      } else if (release.state === 'ready' && stopped === 'no') ready.push(job);
      else {
        const root = release.state === 'ready' ? STOPPED : release.by;
        const more = record(
          job,
          release.state === 'blocked' ? waiting(root) : { state: 'cancelled', because: reason(root) },
          0,
          root,
        );
        for (const next of more) queue.push(next);
      }
    }
    for (const job of inOrder(ready, options.order)) slots.look(job);
    if (open === 0) allEnded();
  }

  function reason(root: number): string {
    const job = jobs[root];
    if (job === undefined) return stopped === 'by failure' ? 'an earlier failure ended the run' : 'the run was stopped';
    return `${job.node} on ${job.host} failed`;
  }

  function waiting(root: number): JobOutcome {
    const job = jobs[root];
    return { state: 'waits', because: `waits for ${job?.node} on ${job?.host}, which would change` };
  }

  function stop(by: 'by signal' | 'by failure'): void {
    if (stopped === by || stopped === 'by signal') return;
    stopped = by;
    // Not at once: the signal may come from within a callback, while places are being handed out.
    queueMicrotask(() => runner.drain(slots.close()));
  }
  const onDrain = (): void => {
    if (open === 0 || stopped === 'by signal') return;
    emit({ type: 'run-stopping', at: clock(), how: 'drain' });
    stop('by signal');
  };
  const onAbort = (): void => {
    if (open === 0) return;
    emit({ type: 'run-stopping', at: clock(), how: 'abort' });
    stop('by signal');
    queueMicrotask(() => runner.abort());
  };

  const { drain, abort } = options.stop ?? {};
  drain?.addEventListener('abort', onDrain);
  abort?.addEventListener('abort', onAbort);
  if (abort?.aborted === true) onAbort();
  else if (drain?.aborted === true) onDrain();
  settle(readiness.initial());
  await end;
  drain?.removeEventListener('abort', onDrain);
  abort?.removeEventListener('abort', onAbort);
  return { outcomes, changed, cutShort };
}

function effectOf({ state }: JobOutcome): Effect {
  switch (state) {
    case 'satisfied':
    case 'changed':
      return 'unlocks';
    case 'failed':
    case 'cancelled':
      return 'cancels';
    case 'would-change':
    case 'waits':
      return 'blocks';
    default:
      return unreachable(state);
  }
}

function inOrder<Ctx>(ready: readonly JobEntry<Ctx>[], order: RunOptions<Ctx>['order']): readonly JobEntry<Ctx>[] {
  if (order === undefined || ready.length < 2) return ready;
  const rank = new Map(order(ready).map((name, index) => [`${name.node} ${name.host}`, index]));
  const rankOf = (job: JobEntry<Ctx>): number => rank.get(`${job.node} ${job.host}`) ?? ready.length;
  return [...ready].sort((a, b) => rankOf(a) - rankOf(b));
}

/** Keeps the caller's mistakes out of the run, and hands them back at its end. */
function guardCallbacks<Ctx>(options: RunOptions<Ctx>): {
  emit(event: EngineEvent): void;
  report(error: unknown): ErrorReport;
  rethrow(): void;
} {
  const thrown: unknown[] = [];
  const keep = (error: unknown): void => {
    if (thrown.length < 20) thrown.push(error);
  };
  return {
    emit(event) {
      try {
        options.emit(event);
      } catch (error) {
        keep(error);
      }
    },
    report(error) {
      try {
        return options.report(error);
      } catch (broken) {
        keep(broken);
        // Nothing of the error itself: it might hold a secret.
        return { code: 'INTERNAL', message: 'an error that could not be described', details: [] };
      }
    },
    rethrow() {
      if (thrown.length === 1) throw thrown[0];
      if (thrown.length > 1) throw new AggregateError(thrown, 'the readers of the run’s events failed');
    },
  };
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
