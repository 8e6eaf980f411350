import { KubexmError } from '../errors/index.js';
import type { Precheck } from '../plan/index.js';
import { Attempt, type AttemptSetting } from './attempt.js';
import type { ErrorReport, JobOutcome } from './events.js';
import type { JobEntry } from './job-table.js';
import type { Slots } from './slots.js';
import type { RunOptions } from './types.js';

/** The life of single jobs: look, act, look again, try again. Knows nothing of what depends on what. */
export interface JobRunner<Ctx> {
  /** The job has a place on its host. */
  look(job: JobEntry<Ctx>): void;
  /** The job has all places that it needs to act. */
  act(job: JobEntry<Ctx>): void;
  /** Ends jobs that were queued or wait for another attempt; those that run may finish. */
  drain(queued: readonly JobEntry<Ctx>[]): void;
  /** Aborts what runs. */
  abort(): void;
}

/** What the runner needs of the run. */
export interface RunnerSetting<Ctx> extends AttemptSetting<Ctx> {
  readonly options: Pick<RunOptions<Ctx>, 'mode' | 'abortGraceMs'>;
  readonly slots: Slots<Ctx>;
  /** It waits for a change of another, and is only asked what it would say now. */
  tentative(job: JobEntry<Ctx>): boolean;
  /** Why nothing may start any more. */
  stopping(): string | undefined;
  report(error: unknown): ErrorReport;
  random(): number;
  /** Called once for each job. `before`: what there was before this run changed it. */
  finished(job: JobEntry<Ctx>, outcome: JobOutcome, startedAt: number, before: unknown): void;
}

const ABORT_GRACE_MS = 5_000;
const BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 30_000;

interface Life<Ctx> {
  readonly job: JobEntry<Ctx>;
  readonly startedAt: number;
  attempt: Attempt<Ctx>;
  attempts: number;
  /** What the latest precheck found. */
  needed?: Precheck & { readonly state: 'needed' };
  /** What the precheck found before the first change. */
  acted?: Precheck & { readonly state: 'needed' };
  lastFailure?: { readonly error: ErrorReport; readonly phase: Phase };
  retryTimer?: NodeJS.Timeout;
}

type Phase = 'precheck' | 'run' | 'recheck';
type Held = 'host' | 'host and names';

/** Starts empty; jobs come in through `look`. */
export function createJobRunner<Ctx>(setting: RunnerSetting<Ctx>): JobRunner<Ctx> {
  const { options, slots, outputs, emit, clock } = setting;
  const lives = new Map<number, Life<Ctx>>();
  let aborted = false;
  let graceTimer: NodeJS.Timeout | undefined;

  async function look(job: JobEntry<Ctx>): Promise<void> {
    if (setting.stopping() !== undefined) {
      await Promise.resolve();
      stopWaiting(job, 'host');
      return;
    }
    const life = startAttempt(job);
    let found: Precheck;
    try {
      found = await life.attempt.call((context) => job.step.precheck(context));
      if (found.state === 'satisfied') requireOutputs(job);
    } catch (error) {
      fail(life, 'host', 'precheck', error);
      return;
    }
    if (found.state === 'satisfied') {
      const because = life.acted?.because;
      // Satisfied after an attempt that failed: it was that attempt which changed it.
      if (because === undefined || job.step.waits === true)
        end(life, 'host', { state: 'satisfied', because: found.because });
      else end(life, 'host', { state: 'changed', because });
      return;
    }
    life.needed = found;
    if (options.mode === 'check')
      end(life, 'host', { state: job.step.waits === true ? 'waits' : 'would-change', because: found.because });
    else if (setting.stopping() !== undefined) stopWaiting(job, 'host');
    else if (job.uses.length === 0 || slots.tryNames(job)) await work(life, found);
    else {
      slots.release(job, 'host');
      slots.act(job);
    }
  }

  async function act(job: JobEntry<Ctx>): Promise<void> {
    const life = lives.get(job.index);
    if (life?.needed === undefined) return;
    if (setting.stopping() === undefined) {
      await work(life, life.needed);
      return;
    }
    await Promise.resolve();
    stopWaiting(job, 'host and names');
  }

  async function work(life: Life<Ctx>, found: Precheck & { readonly state: 'needed' }): Promise<void> {
    const { job, attempt } = life;
    const { step, node, host } = job;
    const { because } = (life.acted ??= found);
    emit({ type: 'job-acting', at: clock(), node, host, because: found.because, attempt: life.attempts });
    let phase: Phase = 'run';
    try {
      await attempt.call((context) => step.run(context, found.before));
      requireOutputs(job);
      if (step.recheck !== false) {
        phase = 'recheck';
        const again = await attempt.call((context) => step.precheck(context));
        if (again.state === 'needed') throw notEffective(job, again.because);
      }
    } catch (error) {
      fail(life, 'host and names', phase, error);
      return;
    }
    end(
      life,
      'host and names',
      step.waits === true
        ? { state: 'satisfied', because: `waited for it: ${because}` }
        : { state: 'changed', because },
    );
  }

  function startAttempt(job: JobEntry<Ctx>): Life<Ctx> {
    const attempt = new Attempt(job, setting);
    const known = lives.get(job.index);
    if (known !== undefined) {
      known.attempt = attempt;
      known.attempts += 1;
      return known;
    }
    const life: Life<Ctx> = { job, startedAt: clock(), attempt, attempts: 1 };
    lives.set(job.index, life);
    const { node, host, step } = job;
    emit({ type: 'job-started', at: life.startedAt, node, host, kind: step.kind, title: step.title });
    return life;
  }

  function fail(life: Life<Ctx>, held: Held, phase: Phase, thrown: unknown): void {
    const { job } = life;
    const { attempts = 1, backoffMs = BACKOFF_MS } = job.step.policy ?? {};
    const failure = { error: setting.report(aborted ? interrupted(job, thrown) : thrown), phase };
    const hopeless = thrown instanceof KubexmError && !thrown.retryable;
    if (hopeless || life.attempts >= attempts || setting.tentative(job) || setting.stopping() !== undefined) {
      end(life, held, { state: 'failed', ...failure });
      return;
    }
    life.attempt.close();
    life.lastFailure = failure;
    const longest = Math.min(backoffMs * 2 ** (life.attempts - 1), LONGEST_BACKOFF_MS);
    // Half of it is chance, so that hosts which failed together do not come back together.
    const waitMs = Math.round(longest * (0.5 + setting.random() / 2));
    emit({
      type: 'job-retry',
      at: clock(),
      node: job.node,
      host: job.host,
      attempt: life.attempts,
      waitMs,
      error: failure.error,
    });
    life.retryTimer = setTimeout(() => {
      delete life.retryTimer;
      slots.look(job);
    }, waitMs);
    slots.release(job, held);
  }

  /** The job never came to act in this attempt. */
  function stopWaiting(job: JobEntry<Ctx>, held: Held | 'nothing'): void {
    const life = lives.get(job.index);
    const because = setting.stopping() ?? 'the run was stopped';
    if (life === undefined) {
      setting.finished(job, { state: 'cancelled', because }, clock(), undefined);
      if (held !== 'nothing') slots.release(job, held);
    } else if (life.lastFailure === undefined) end(life, held, { state: 'cancelled', because });
    else end(life, held, { state: 'failed', ...life.lastFailure });
  }

  function end(life: Life<Ctx>, held: Held | 'nothing', outcome: JobOutcome): void {
    life.attempt.close();
    lives.delete(life.job.index);
    if (lives.size === 0) clearTimeout(graceTimer);
    // First what it unlocks queues up, then its place goes to whoever waits longest.
    setting.finished(life.job, outcome, life.startedAt, life.acted?.before);
    if (held !== 'nothing') slots.release(life.job, held);
  }

  function requireOutputs({ node, host, step }: JobEntry<Ctx>): void {
    const missing = outputs.missing(step.writes, host);
    if (missing.length === 0) return;
    throw new KubexmError('OUTPUT_MISSING', `${node} on ${host} is through without writing ${missing.join(', ')}`, {
      retryable: false,
    });
  }

  return {
    look: (job) => void look(job),
    act: (job) => void act(job),
    drain(queued) {
      for (const job of queued) stopWaiting(job, 'nothing');
      for (const life of lives.values()) {
        if (life.retryTimer === undefined) continue;
        clearTimeout(life.retryTimer);
        stopWaiting(life.job, 'nothing');
      }
    },
    abort() {
      aborted = true;
      for (const { attempt, job } of lives.values()) attempt.abort(interrupted(job, undefined));
      if (lives.size === 0) return;
      graceTimer = setTimeout(() => {
        for (const { attempt } of lives.values()) attempt.giveUp();
      }, options.abortGraceMs ?? ABORT_GRACE_MS);
    },
  };
}

function interrupted<Ctx>({ step, host }: JobEntry<Ctx>, cause: unknown): KubexmError {
  return new KubexmError('CANCELLED', `${step.title} on ${host} was aborted while it was running`, {
    cause,
    retryable: false,
  });
}

function notEffective<Ctx>({ step, host }: JobEntry<Ctx>, because: string): KubexmError {
  return new KubexmError(
    'STEP_NOT_EFFECTIVE',
    `${step.title} on ${host} ended without an error, but is still needed: ${because}`,
  );
}
