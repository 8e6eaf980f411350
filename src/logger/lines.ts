import type { EngineEvent, RunTotals } from '../engine/events.js';
import { formatDuration, plural, shortList } from './format.js';
import { foldNotables, formatNotable, type Notable, notableOf, stoppingText } from './notable.js';
import { type ActiveJob, advance, emptyProgress } from './progress.js';
import type { EventReader, TextSink } from './reader.js';
import type { Redactor } from './redactor.js';
import type { Style } from './style.js';

export interface LinesOptions {
  readonly out: TextSink;
  readonly style: Style;
  readonly redactor: Redactor;
  readonly now?: () => number;
  /** How long equal lines of several hosts are collected before they are written. Default 250 ms. */
  readonly foldMs?: number;
}

const silenceMs = 30_000;

/**
 * Plain lines for logs and pipes: one for each thing that changed or failed, none for what was satisfied (only counted), and a sign of
 * life every 30 s of silence, so that a CI log tells what it waits for.
 */
export function linesReader({ out, style, redactor, now = Date.now, foldMs = 250 }: LinesOptions): EventReader {
  const run = emptyProgress();
  let pending: Notable[] = [];
  let flushTimer: NodeJS.Timeout | undefined;
  let silenceTimer: NodeJS.Timeout | undefined;

  const write = (line: string) => {
    out.write(redactor.redact(`${line}\n`));
    silenceTimer?.refresh();
  };
  const flush = () => {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    const folded = foldNotables(pending);
    pending = [];
    for (const notable of folded) write(formatNotable(notable, { startedAt: run.startedAt, graph: run.graph, style }));
  };
  const close = () => {
    flush();
    clearInterval(silenceTimer);
    silenceTimer = undefined;
  };

  return {
    read(event: EngineEvent) {
      if (event.type === 'run-started') {
        write(startLine(event));
        silenceTimer = setInterval(() => write(aliveLine([...run.active.values()], run.startedAt, now())), silenceMs);
        silenceTimer.unref();
      }
      if (event.type === 'run-stopping') {
        flush();
        write(stoppingText(event.how, [...run.active.values()]));
      }
      advance(run, event);
      const notable = notableOf(event);
      if (notable !== undefined) {
        pending.push(notable);
        flushTimer ??= setTimeout(flush, foldMs);
      }
      if (event.type === 'run-finished') {
        close();
        out.write(redactor.redact(`${endLine(event, run.graph)}\n`));
      }
    },
    close,
  };
}

function startLine({ graph, mode, jobs, hosts }: Extract<EngineEvent, { type: 'run-started' }>): string {
  return `${graph}: ${mode === 'check' ? 'checking ' : ''}${plural(jobs, 'job')} on ${plural(hosts.length, 'host')}`;
}

function endLine({ ms, state, totals }: Extract<EngineEvent, { type: 'run-finished' }>, graph: string): string {
  return `${graph}: ${state} in ${formatDuration(ms)}: ${totalsText(totals)}`;
}

/** `3 changed, 240 already as wanted, 1 failed, 12 not started`; what is zero is left out. */
export function totalsText(totals: RunTotals): string {
  const parts = [
    [totals.changed, 'changed'],
    [totals.wouldChange, 'would change'],
    [totals.satisfied, 'already as wanted'],
    [totals.waits, 'wait for those'],
    [totals.failed, 'failed'],
    [totals.cancelled, 'not started'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return shown.length === 0 ? 'nothing to do' : shown.join(', ');
}

function aliveLine(active: readonly ActiveJob[], startedAt: number, now: number): string {
  const names = active.map((job) => `${job.host}: ${job.title} (${formatDuration(now - job.startedAt)})`);
  return `${((now - startedAt) / 1000).toFixed(1).padStart(6)}s … still at work: ${shortList(names, 4) || 'nothing'}`;
}
