import type { EngineEvent, ErrorReport, RunTotals } from '../engine/events.js';
import type { EventReader } from './reader.js';

/** A failed job with what a person needs to act on it. */
export interface Failure {
  readonly host: string;
  readonly node: string;
  readonly title: string;
  readonly phase: 'precheck' | 'run' | 'recheck';
  readonly error: ErrorReport;
  /** Ms from the start of the run. */
  readonly after: number;
}

/** A top path segment below the pipeline: `infrastructure`. Phases overlap; `ms` is from its first start to its last end. */
export interface Phase {
  readonly name: string;
  readonly ms: number;
  readonly startMs: number;
  readonly jobs: number;
  readonly changed: number;
  readonly failed: number;
}

/** Everything that is told of a run at its end. */
export interface RunReport {
  readonly graph: string;
  readonly mode: 'apply' | 'check';
  readonly state: 'done' | 'failed' | 'interrupted' | 'running';
  readonly ms: number;
  readonly totals: RunTotals;
  readonly phases: readonly Phase[];
  readonly failures: readonly Failure[];
  readonly warnings: readonly { readonly host: string; readonly node: string; readonly message: string }[];
  readonly hosts: readonly string[];
  /** Hosts on which every job of the plan came to a good end. */
  readonly completeHosts: readonly string[];
}

export interface ReportReader extends EventReader {
  report(): RunReport;
}

interface PhaseRecord {
  first: number;
  last: number;
  jobs: number;
  changed: number;
  failed: number;
}

/** Collects what the final summary needs; see `formatReport`. */
export function reportReader(): ReportReader {
  const phases = new Map<string, PhaseRecord>();
  const failures: Failure[] = [];
  const warnings: { host: string; node: string; message: string }[] = [];
  const incomplete = new Set<string>();
  let started: Extract<EngineEvent, { type: 'run-started' }> | undefined;
  let finished: Extract<EngineEvent, { type: 'run-finished' }> | undefined;
  let last = 0;

  const phase = (node: string, at: number) => {
    const name = phaseOf(node, started?.graph ?? '');
    const record = phases.get(name) ?? { first: at, last: at, jobs: 0, changed: 0, failed: 0 };
    phases.set(name, record);
    record.last = at;
    return record;
  };

  return {
    read(event) {
      last = event.at;
      if (event.type === 'run-started') started = event;
      else if (event.type === 'run-finished') finished = event;
      else if (event.type === 'job-started') phase(event.node, event.at);
      else if (event.type === 'job-log' && event.level === 'warn')
        warnings.push({ host: event.host, node: event.node, message: event.message });
      else if (event.type === 'job-finished') {
        const { host, node, title, outcome } = event;
        if (outcome.state === 'cancelled' || outcome.state === 'failed') incomplete.add(host);
        // What never started says nothing about how long its phase took.
        if (outcome.state === 'cancelled' || outcome.state === 'waits') return;
        const record = phase(node, event.at);
        record.jobs += 1;
        if (outcome.state === 'changed' || outcome.state === 'would-change') record.changed += 1;
        if (outcome.state === 'failed') {
          record.failed += 1;
          failures.push({
            host,
            node,
            title,
            phase: outcome.phase,
            error: outcome.error,
            after: event.at - (started?.at ?? event.at),
          });
        }
      }
    },
    close() {},
    report: () => ({
      graph: started?.graph ?? '',
      mode: started?.mode ?? 'apply',
      state: finished?.state ?? 'running',
      ms: finished?.ms ?? last - (started?.at ?? last),
      totals: finished?.totals ?? noTotals,
      phases: [...phases].map(([name, { first, last: end, ...counts }]) => ({
        name,
        ms: end - first,
        startMs: first - (started?.at ?? first),
        ...counts,
      })),
      failures,
      warnings,
      hosts: started?.hosts ?? [],
      completeHosts: (started?.hosts ?? []).filter((host) => !incomplete.has(host)),
    }),
  };
}

const noTotals: RunTotals = { jobs: 0, satisfied: 0, changed: 0, failed: 0, cancelled: 0, wouldChange: 0, waits: 0 };

/** `create-cluster/infrastructure/install-etcd` → `infrastructure`; `/resource/etcd/v3.6.14/amd64` → `resource (shared)`. */
export function phaseOf(node: string, graph: string): string {
  if (node.startsWith('/')) return `${node.split('/')[1] ?? ''} (shared)`;
  const segments = node.split('/');
  return (segments[0] === graph && segments.length > 1 ? segments[1] : segments[0]) ?? node;
}
