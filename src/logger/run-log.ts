import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Logger, pino } from 'pino';
import type { EngineEvent } from '../engine/events.js';
import { unreachable } from '../errors/index.js';
import type { EventReader } from './reader.js';
import type { Redactor } from './redactor.js';

/** The run's log: JSON lines with level, time and everything known of each event. Written at once, so that a crash loses nothing. */
export function runLogReader({ path, redactor }: { path: string; redactor: Redactor }): EventReader {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, 'a', 0o600);
  let open = true;
  const log = pino(
    {
      level: 'debug',
      base: null,
      messageKey: 'message',
      timestamp: false,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void (open && writeSync(file, redactor.redact(line))) },
  );
  return {
    read: (event) => logEvent(log, event),
    close: () => {
      if (open) closeSync(file);
      open = false;
    },
  };
}

function logEvent(log: Logger, event: EngineEvent): void {
  const { at, ...rest } = event;
  const fields = { time: new Date(at).toISOString(), ...rest };
  switch (event.type) {
    case 'run-started':
      return log.info(fields, `${event.graph} started`);
    case 'job-started':
      return log.debug(fields, event.title);
    case 'job-acting':
      return log.info(fields, event.because);
    case 'job-retry':
      return log.warn(fields, `attempt ${event.attempt} failed: ${event.error.message}`);
    case 'job-progress':
      // Twenty a second for each transfer: the end of the job says enough.
      return undefined;
    case 'job-log': {
      const { message, level, ...others } = { ...fields, message: event.message, level: event.level };
      return log[level](others, message);
    }
    case 'job-finished':
      return log[event.outcome.state === 'failed' ? 'error' : 'info'](fields, `${event.outcome.state}: ${event.title}`);
    case 'rollback-started':
      return log.info(fields, `undoing ${event.title}`);
    case 'rollback-finished':
      return log[event.outcome.state === 'failed' ? 'error' : 'info'](fields, event.outcome.state);
    case 'run-stopping':
      return log.warn(fields, event.how);
    case 'run-finished':
      return log[event.state === 'done' ? 'info' : 'error'](fields, event.state);
    default:
      return unreachable(event);
  }
}
