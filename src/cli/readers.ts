import {
  colorsWanted,
  combineReaders,
  createStyle,
  type EventReader,
  linesReader,
  ndjsonTo,
  type ReportReader,
  reportReader,
  type Style,
  screenReader,
} from '../logger/index.js';
import { type Io, note } from './io.js';

/** How a person watches a run: live on a terminal, plain lines otherwise. */
export function watchReader(io: Io): EventReader {
  const style = stderrStyle(io);
  const live = io.stderr.isTTY === true && io.env.TERM !== 'dumb';
  return live
    ? screenReader({ terminal: io.stderr, style, redactor: io.redactor })
    : linesReader({ out: io.stderr, style, redactor: io.redactor });
}

/** All readers of one run, and the one that its summary comes from. */
export function runReaders({ io, events }: { io: Io; events?: string | undefined }): {
  reader: EventReader;
  summary: ReportReader;
} {
  const summary = reportReader();
  const readers = [summary, watchReader(io)];
  if (events !== undefined) readers.push(ndjsonTo(events, { standardOutput: io.stdout, redactor: io.redactor }));
  return {
    reader: combineReaders(readers, (error) => note(io, `a reader of events broke: ${String(error)}`)),
    summary,
  };
}

export function stderrStyle(io: Io): Style {
  return createStyle(colorsWanted(io.env, io.stderr.isTTY === true));
}

export function stdoutStyle(io: Io): Style {
  return createStyle(colorsWanted(io.env, io.stdout.isTTY === true));
}
