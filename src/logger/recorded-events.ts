import type { EngineEvent, JobOutcome, RunTotals } from '../engine/events.js';

/** A small run as the engine would report it, for tests of the readers: two hosts, one change, one failure, one warning, one upload. */
export const startedAt = 1_700_000_000_000;

export const runStarted: EngineEvent = {
  type: 'run-started',
  at: startedAt,
  graph: 'create-cluster',
  mode: 'apply',
  jobs: 6,
  nodes: 4,
  hosts: ['m1', 'w1'],
};

export const noneDone: RunTotals = {
  jobs: 6,
  satisfied: 0,
  changed: 0,
  failed: 0,
  cancelled: 0,
  wouldChange: 0,
  waits: 0,
};

export function jobStarted(node: string, host: string, after: number, title: string): EngineEvent {
  return { type: 'job-started', at: startedAt + after, node, host, kind: 'test.step', title };
}

export function jobActing(node: string, host: string, after: number): EngineEvent {
  return { type: 'job-acting', at: startedAt + after, node, host, because: 'missing', attempt: 1 };
}

export function jobProgress(node: string, host: string, after: number, done: number, total?: number): EngineEvent {
  return {
    type: 'job-progress',
    at: startedAt + after,
    node,
    host,
    done,
    ...(total === undefined ? {} : { total }),
    unit: 'bytes',
  };
}

export function jobFinished(
  node: string,
  host: string,
  after: number,
  title: string,
  outcome: JobOutcome,
): EngineEvent {
  return { type: 'job-finished', at: startedAt + after, node, host, kind: 'test.step', title, ms: 1200, outcome };
}

export const changed: JobOutcome = { state: 'changed', because: 'content differs' };
export const satisfied: JobOutcome = { state: 'satisfied', because: 'as wanted' };
export const failed: JobOutcome = {
  state: 'failed',
  phase: 'run',
  error: {
    code: 'COMMAND_FAILED',
    message: 'tar on w1 ended with exit code 2',
    details: ['$ tar -xzf /tmp/etcd.tar.gz -C /usr/local/bin', 'tar: write error: No space left on device'],
  },
};

const infrastructure = 'create-cluster/infrastructure/install-etcd';

export const failingRun: readonly EngineEvent[] = [
  runStarted,
  jobStarted('/resource/etcd/v3.6.14/amd64', 'control-node', 0, 'Download etcd'),
  jobFinished('/resource/etcd/v3.6.14/amd64', 'control-node', 900, 'Download etcd', satisfied),
  jobStarted(`${infrastructure}/upload`, 'm1', 1000, 'Upload /etc/etcd/etcd.yaml'),
  jobStarted(`${infrastructure}/upload`, 'w1', 1000, 'Upload /etc/etcd/etcd.yaml'),
  {
    type: 'job-log',
    at: startedAt + 1500,
    node: `${infrastructure}/upload`,
    host: 'm1',
    level: 'warn',
    message: 'clock is 3 s ahead',
  },
  jobFinished(`${infrastructure}/upload`, 'm1', 2200, 'Upload /etc/etcd/etcd.yaml', changed),
  jobFinished(`${infrastructure}/upload`, 'w1', 2210, 'Upload /etc/etcd/etcd.yaml', changed),
  jobStarted(`${infrastructure}/extract`, 'm1', 2300, 'Extract etcd'),
  jobStarted(`${infrastructure}/extract`, 'w1', 2300, 'Extract etcd'),
  jobFinished(`${infrastructure}/extract`, 'm1', 3300, 'Extract etcd', satisfied),
  jobFinished(`${infrastructure}/extract`, 'w1', 3400, 'Extract etcd', failed),
  jobFinished('create-cluster/worker/join', 'w1', 3400, 'Join', {
    state: 'cancelled',
    because: 'extract failed on w1',
  }),
  {
    type: 'run-finished',
    at: startedAt + 3500,
    ms: 3500,
    state: 'failed',
    totals: { ...noneDone, satisfied: 2, changed: 2, failed: 1, cancelled: 1 },
  },
];

export const satisfiedRun: readonly EngineEvent[] = [
  runStarted,
  ...Array.from({ length: 6 }, (_, index) =>
    jobFinished(`create-cluster/preflight/check-${index}`, 'm1', 100 * index, `Check ${index}`, satisfied),
  ),
  { type: 'run-finished', at: startedAt + 700, ms: 700, state: 'done', totals: { ...noneDone, satisfied: 6 } },
];
