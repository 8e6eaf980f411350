import { stripVTControlCharacters } from 'node:util';
import type { EngineEvent } from '../engine/events.js';
import { renderFrame } from './frame.js';
import { foldNotables, formatNotable, type Notable, notableOf, stoppingText } from './notable.js';
import { advance, emptyProgress } from './progress.js';
import type { EventReader, TextSink } from './reader.js';
import type { Redactor } from './redactor.js';
import type { Style } from './style.js';

/** The part of a terminal that the live view needs; `process.stderr` is one. */
export interface Terminal extends TextSink {
  readonly columns?: number;
  readonly rows?: number;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

export interface ScreenOptions {
  readonly terminal: Terminal;
  readonly style: Style;
  readonly redactor: Redactor;
  /** Ms since the epoch; tests bring their own. */
  readonly now?: () => number;
}

const frameMs = 100;
// Nothing happened: only the clock moves.
const idleFrameMs = 1000;
const escapes = {
  hideCursor: '\u001b[?25l',
  showCursor: '\u001b[?25h',
  noWrap: '\u001b[?7l',
  wrap: '\u001b[?7h',
  clearBelow: '\u001b[J',
  clearLine: '\u001b[K',
};

/** Live view on a terminal: at most ten frames a second, only rows that fit; what is worth keeping scrolls away above it. */
export function screenReader({ terminal, style, redactor, now = Date.now }: ScreenOptions): EventReader {
  const run = emptyProgress();
  let pending: Notable[] = [];
  let notes: string[] = [];
  let drawn: number[] = []; // widths of the lines of the last frame
  let dirty = false;
  let lastDraw = 0;
  let timer: NodeJS.Timeout | undefined;
  const restoreOnCrash = () => terminal.write(escapes.wrap + escapes.showCursor);

  const draw = (last = false) => {
    const columns = terminal.columns ?? 80;
    const above = [
      ...notes,
      ...foldNotables(pending).map((notable) =>
        formatNotable(notable, { startedAt: run.startedAt, graph: run.graph, style }),
      ),
    ];
    const frame = last ? [] : renderFrame(run, now(), { columns: columns - 1, rows: terminal.rows ?? 24 }, style);
    pending = [];
    notes = [];
    // Lines above may be longer than the terminal and wrap; lines of the frame may not, or going back up would miss them.
    const text = [
      ...above.map((line) => `${line}${escapes.clearLine}\n`),
      escapes.noWrap,
      ...frame.map((line) => `${line}${escapes.clearLine}\n`),
      escapes.wrap,
    ];
    terminal.write(backToTop(drawn, columns) + redactor.redact(text.join('')) + escapes.clearBelow);
    drawn = frame.map((line) => visibleLength(line));
    dirty = false;
    lastDraw = now();
  };
  const onResize = () => draw();
  const tick = () => {
    if (dirty || now() - lastDraw >= idleFrameMs) draw();
  };
  const start = () => {
    if (timer !== undefined) return;
    terminal.write(escapes.hideCursor);
    terminal.on?.('resize', onResize);
    process.on('exit', restoreOnCrash);
    timer = setInterval(tick, frameMs);
    timer.unref();
  };
  const close = () => {
    if (timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
    terminal.off?.('resize', onResize);
    process.off('exit', restoreOnCrash);
    draw(true);
    terminal.write(escapes.showCursor);
  };

  return {
    read(event: EngineEvent) {
      if (event.type === 'run-started') start();
      if (event.type === 'run-stopping') notes.push(style.yellow(stoppingText(event.how, [...run.active.values()])));
      advance(run, event);
      const notable = notableOf(event);
      if (notable !== undefined) pending.push(notable);
      dirty = true;
      if (event.type === 'run-finished') close();
    },
    close,
  };
}

/** A terminal that became narrower has wrapped the lines of the frame: they take more rows than were written. */
function backToTop(drawn: readonly number[], columns: number): string {
  const rows = drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
  return rows === 0 ? '\r' : `\u001b[${rows}A\r`;
}

function visibleLength(line: string): number {
  return stripVTControlCharacters(line).length;
}
