import type { EngineEvent, ErrorReport, JobName, JobOutcome, RunTotals } from './events.js';
import { countOutcomes } from './totals.js';

/** A job that began to act and of which no end is known: look at it first after a crash. */
export interface InFlightJob extends JobName {
  readonly title: string;
  readonly because: string;
  readonly since: number;
}

/** How long a node took. Ms; `wall` from its first start to its last end, `work` summed over its hosts. */
export interface NodeDuration {
  readonly node: string;
  readonly jobs: number;
  readonly wall: number;
  readonly work: number;
  readonly slowest: { readonly host: string; readonly ms: number };
}

/** What the events of a run amount to, whether or not it came to its end. */
export interface RunSummary {
  readonly graph: string | undefined;
  readonly mode: 'apply' | 'check' | undefined;
  readonly state: 'done' | 'failed' | 'interrupted' | 'unfinished';
  readonly ms: number;
  readonly totals: RunTotals;
  readonly failures: readonly (JobName & {
    readonly title: string;
    readonly error: ErrorReport;
    readonly phase: 'precheck' | 'run' | 'recheck';
  })[];
  readonly retries: number;
  readonly inFlight: readonly InFlightJob[];
  /** Nodes that did something, in the order of their first start. */
  readonly durations: readonly NodeDuration[];
}

/** Reads a run off its events; of a journal with several runs, the last one. */
export function summarise(events: Iterable<EngineEvent>): RunSummary {
  let run = startSummary();
  for (const event of events) {
    run.first ??= event.at;
    run.last = event.at;
    switch (event.type) {
      case 'run-started':
        run = startSummary();
        run.first = event.at;
        run.last = event.at;
        run.started = event;
        break;
      case 'job-started':
        run.titles.set(jobKey(event), event.title);
        break;
      case 'job-acting':
        run.acting.set(jobKey(event), event);
        break;
      case 'job-retry':
        run.retries += 1;
        break;
      case 'job-finished':
        run.acting.delete(jobKey(event));
        run.outcomes.push(event.outcome);
        addFinished(run, event);
        break;
      case 'run-finished':
        run.finished = event;
        break;
      default:
    }
  }
  const { first = 0, last = 0, started, finished } = run;
  return {
    graph: started?.graph,
    mode: started?.mode,
    state: finished?.state ?? 'unfinished',
    ms: finished?.ms ?? last - first,
    totals: finished?.totals ?? countOutcomes(started?.jobs ?? run.outcomes.length, run.outcomes),
    failures: run.failures,
    retries: run.retries,
    inFlight: [...run.acting.values()].map(({ node, host, because, at }) => ({
      node,
      host,
      title: run.titles.get(jobKey({ node, host })) ?? node,
      because,
      since: at,
    })),
    durations: [...run.nodes.values()]
      .sort((a, b) => a.first - b.first)
      .map(({ node, jobs, work, slowest, first: from, last: to }) => ({ node, jobs, wall: to - from, work, slowest })),
  };
}

type EventOf<Type extends EngineEvent['type']> = Extract<EngineEvent, { readonly type: Type }>;

interface NodeTimes {
  readonly node: string;
  first: number;
  last: number;
  jobs: number;
  work: number;
  slowest: { readonly host: string; readonly ms: number };
}

function startSummary() {
  return {
    first: undefined as number | undefined,
    last: undefined as number | undefined,
    started: undefined as EventOf<'run-started'> | undefined,
    finished: undefined as EventOf<'run-finished'> | undefined,
    titles: new Map<string, string>(),
    acting: new Map<string, EventOf<'job-acting'>>(),
    outcomes: [] as JobOutcome[],
    failures: [] as RunSummary['failures'][number][],
    nodes: new Map<string, NodeTimes>(),
    retries: 0,
  };
}

function addFinished(run: ReturnType<typeof startSummary>, event: EventOf<'job-finished'>): void {
  const { node, host, title, outcome, ms, at } = event;
  if (outcome.state === 'failed') run.failures.push({ node, host, title, error: outcome.error, phase: outcome.phase });
  if (outcome.state === 'cancelled' || outcome.state === 'waits') return;
  const times = run.nodes.get(node);
  if (times === undefined) {
    run.nodes.set(node, { node, first: at - ms, last: at, jobs: 1, work: ms, slowest: { host, ms } });
    return;
  }
  times.first = Math.min(times.first, at - ms);
  times.last = Math.max(times.last, at);
  times.jobs += 1;
  times.work += ms;
  if (ms > times.slowest.ms) times.slowest = { host, ms };
}

function jobKey({ node, host }: JobName): string {
  return `${node} ${host}`;
}
