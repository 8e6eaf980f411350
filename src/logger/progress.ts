import type { EngineEvent, JobName } from '../engine/events.js';

/** A job between its start and its end, as the live view shows it. */
export interface ActiveJob {
  readonly node: string;
  readonly host: string;
  readonly title: string;
  readonly startedAt: number;
  /** False while its precheck looks at the host. */
  acting: boolean;
  progress?: TransferProgress;
}

export interface TransferProgress {
  done: number;
  total: number | undefined;
  unit: 'bytes' | 'count';
  /** Per second, over the last three seconds; 0 until there is something to compare. */
  rate: number;
  samples: { at: number; done: number }[];
}

/** What a run looks like at this moment: a fold of its events. */
export interface RunProgress {
  graph: string;
  mode: 'apply' | 'check';
  startedAt: number;
  jobs: number;
  hosts: readonly string[];
  finished: number;
  satisfied: number;
  changed: number;
  failed: number;
  cancelled: number;
  wouldChange: number;
  waits: number;
  stopping: 'drain' | 'abort' | undefined;
  readonly active: Map<string, ActiveJob>;
}

/** Before the first event. */
export function emptyProgress(): RunProgress {
  return {
    graph: '',
    mode: 'apply',
    startedAt: 0,
    jobs: 0,
    hosts: [],
    ...zeroCounts,
    stopping: undefined,
    active: new Map(),
  };
}

/** Takes one event in, in place: there may be a hundred thousand of them. */
export function advance(run: RunProgress, event: EngineEvent): void {
  switch (event.type) {
    case 'run-started':
      // One reader may see two runs: gathering facts, then the work itself.
      run.active.clear();
      Object.assign(run, zeroCounts, { stopping: undefined });
      Object.assign(run, {
        graph: event.graph,
        mode: event.mode,
        startedAt: event.at,
        jobs: event.jobs,
        hosts: event.hosts,
      });
      return;
    case 'job-started':
      run.active.set(jobKey(event), {
        node: event.node,
        host: event.host,
        title: event.title,
        startedAt: event.at,
        acting: false,
      });
      return;
    case 'job-acting': {
      const job = run.active.get(jobKey(event));
      if (job === undefined) return;
      job.acting = true;
      // A new attempt starts its transfer again.
      if (event.attempt > 1) delete job.progress;
      return;
    }
    case 'job-progress': {
      const job = run.active.get(jobKey(event));
      if (job !== undefined) job.progress = sampled(job.progress, event);
      return;
    }
    case 'job-finished':
      run.active.delete(jobKey(event));
      run.finished += 1;
      run[counterOf[event.outcome.state]] += 1;
      return;
    case 'run-stopping':
      run.stopping = event.how;
      return;
    case 'run-finished':
      run.active.clear();
      return;
    default:
  }
}

const zeroCounts = { finished: 0, satisfied: 0, changed: 0, failed: 0, cancelled: 0, wouldChange: 0, waits: 0 };

const counterOf = {
  satisfied: 'satisfied',
  changed: 'changed',
  failed: 'failed',
  cancelled: 'cancelled',
  'would-change': 'wouldChange',
  waits: 'waits',
} as const;

const rateWindowMs = 3000;

function sampled(
  before: TransferProgress | undefined,
  event: Extract<EngineEvent, { type: 'job-progress' }>,
): TransferProgress {
  const samples = before === undefined || event.done < before.done ? [] : before.samples;
  samples.push({ at: event.at, done: event.done });
  while (samples.length > 2 && event.at - (samples[0]?.at ?? 0) > rateWindowMs) samples.shift();
  const first = samples[0];
  const rate =
    first === undefined || event.at - first.at < 200
      ? (before?.rate ?? 0)
      : ((event.done - first.done) * 1000) / (event.at - first.at);
  return { done: event.done, total: event.total, unit: event.unit, rate, samples };
}

function jobKey({ node, host }: JobName): string {
  return `${host} ${node}`;
}
