import { KubexmError } from '../errors/index.js';
import { Attempt, type AttemptSetting } from './attempt.js';
import type { EngineEvent, ErrorReport } from './events.js';
import type { JobEntry } from './job-table.js';

/** A job that this run has changed, with what there was before. */
export interface ChangedJob<Ctx> {
  readonly job: JobEntry<Ctx>;
  readonly before: unknown;
}

/** What a rollback needs of the run. */
export interface RollbackSetting<Ctx> extends AttemptSetting<Ctx> {
  report(error: unknown): ErrorReport;
  stopped(): boolean;
  /** Aborts the step that is being undone. */
  readonly abort: AbortSignal | undefined;
}

/** Undoes what was changed, last first and one at a time. What cannot be undone is said, and the rest goes on. */
export async function rollBack<Ctx>(changed: readonly ChangedJob<Ctx>[], setting: RollbackSetting<Ctx>): Promise<void> {
  for (const one of [...changed].reverse()) {
    const { node, host, step } = one.job;
    setting.emit({ type: 'rollback-started', at: setting.clock(), node, host, title: step.title });
    const outcome = await undo(one, setting);
    setting.emit({ type: 'rollback-finished', at: setting.clock(), node, host, outcome });
  }
}

type RollbackOutcome = Extract<EngineEvent, { readonly type: 'rollback-finished' }>['outcome'];

async function undo<Ctx>({ job, before }: ChangedJob<Ctx>, setting: RollbackSetting<Ctx>): Promise<RollbackOutcome> {
  const { step } = job;
  if (step.rollback === undefined) return { state: 'cannot', because: `${step.kind} cannot be undone` };
  if (setting.stopped()) return { state: 'cannot', because: 'the run was stopped' };
  const attempt = new Attempt(job, setting);
  const onAbort = (): void => {
    attempt.abort(new KubexmError('CANCELLED', `the rollback of ${step.title} on ${job.host} was aborted`));
    attempt.giveUp();
  };
  setting.abort?.addEventListener('abort', onAbort);
  try {
    await attempt.call(async (context) => step.rollback?.(context, before));
    return { state: 'rolled-back' };
  } catch (error) {
    return { state: 'failed', error: setting.report(error) };
  } finally {
    attempt.close();
    setting.abort?.removeEventListener('abort', onAbort);
  }
}
