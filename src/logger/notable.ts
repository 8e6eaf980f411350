import type { EngineEvent } from '../engine/events.js';
import { formatDuration, printable, shortList, shortNode } from './format.js';
import type { Style } from './style.js';

/** Something that stays on the screen after it happened. Equal ones on several hosts become one line. */
export interface Notable {
  readonly at: number;
  readonly level: 'changed' | 'would change' | 'failed' | 'warning' | 'retry' | 'rollback';
  readonly hosts: readonly string[];
  readonly node: string;
  readonly text: string;
  /** Why it acted, how long it took. */
  readonly note: string;
}

/** Undefined for what is only counted: satisfied, cancelled and waiting jobs, progress, starts. */
export function notableOf(event: EngineEvent): Notable | undefined {
  switch (event.type) {
    case 'job-finished': {
      const { at, host, node, title, outcome, ms } = event;
      const about = { at, hosts: [host], node };
      if (outcome.state === 'changed')
        return { ...about, level: 'changed', text: title, note: `${outcome.because}, ${formatDuration(ms)}` };
      if (outcome.state === 'would-change')
        return { ...about, level: 'would change', text: title, note: outcome.because };
      if (outcome.state === 'failed')
        return { ...about, level: 'failed', text: `${title}: ${outcome.error.message}`, note: formatDuration(ms) };
      return undefined;
    }
    case 'job-log':
      if (event.level !== 'warn') return undefined;
      return { at: event.at, level: 'warning', hosts: [event.host], node: event.node, text: event.message, note: '' };
    case 'job-retry':
      return {
        at: event.at,
        level: 'retry',
        hosts: [event.host],
        node: event.node,
        text: event.error.message,
        note: `attempt ${event.attempt + 1} in ${formatDuration(event.waitMs)}`,
      };
    case 'rollback-finished':
      return {
        at: event.at,
        level: 'rollback',
        hosts: [event.host],
        node: event.node,
        text: rollbackText(event.outcome),
        note: '',
      };
    default:
      return undefined;
  }
}

function rollbackText(outcome: Extract<EngineEvent, { type: 'rollback-finished' }>['outcome']): string {
  if (outcome.state === 'rolled-back') return 'undone';
  return outcome.state === 'cannot'
    ? `cannot be undone: ${outcome.because}`
    : `could not be undone: ${outcome.error.message}`;
}

/** Neighbours that say the same of different hosts become one, so that 1000 hosts do not print 1000 lines. */
export function foldNotables(notables: readonly Notable[]): Notable[] {
  const folded = new Map<string, Notable>();
  for (const notable of notables) {
    const key = `${notable.level}\n${notable.node}\n${notable.text}`;
    const same = folded.get(key);
    if (same === undefined) folded.set(key, notable);
    else folded.set(key, { ...same, hosts: [...same.hosts, ...notable.hosts] });
  }
  return [...folded.values()];
}

const symbols = { changed: '✔', 'would change': '+', failed: '✖', warning: '!', retry: '↻', rollback: '↩' } as const;

/** `startedAt`: of the run; times are relative to it. */
export function formatNotable(
  notable: Notable,
  { startedAt, graph, style }: { startedAt: number; graph: string; style: Style },
): string {
  const paint = {
    changed: style.green,
    'would change': style.cyan,
    failed: style.red,
    warning: style.yellow,
    retry: style.yellow,
    rollback: style.yellow,
  }[notable.level];
  const time = `${Math.max(0, (notable.at - startedAt) / 1000).toFixed(1)}s`.padStart(7);
  const level = notable.level.padEnd(8);
  const note = notable.note === '' ? '' : ` ${style.dim(`(${printable(notable.note)})`)}`;
  const where = style.dim(shortNode(notable.node, graph));
  return `${style.dim(time)} ${paint(`${symbols[notable.level]} ${level}`)} ${style.cyan(shortList(notable.hosts, 6))}  ${printable(notable.text)}${note}  ${where}`;
}

/** What stops after Ctrl-C, in words. */
export function stoppingText(
  how: 'drain' | 'abort',
  running: readonly { readonly host: string; readonly title: string }[],
): string {
  if (how === 'abort') return 'Aborting what still runs.';
  if (running.length === 0) return 'Stopping: nothing new starts.';
  const names = running.map((job) => `${job.host}: ${printable(job.title)}`);
  return `Stopping: nothing new starts; still running: ${shortList(names, 5)}. Ctrl-C again aborts them.`;
}
