import { closeSync, createReadStream, fstatSync, fsync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { asError, KubexmError } from '../errors/index.js';
import type { EngineEvent } from './events.js';
import { type RunSummary, summarise } from './summary.js';

/** Writes what happens, one JSON line for each event. */
export interface Journal {
  /** The line is with the system when this returns, and on the disk soon after: ends within one tick share one fsync. */
  write(event: EngineEvent): void;
  /** Everything is on the disk when this returns. */
  close(): void;
}

/** What a journal says, whole or torn. */
export interface JournalContent {
  readonly events: readonly EngineEvent[];
  /** Lines that are no events: the last one, after a crash. */
  readonly tornLines: number;
  /** Of its last run: what was in flight, how long nodes took, what failed. */
  readonly summary: RunSummary;
}

/** Opens a journal for appending; it is created 0600. Progress is left out: it says nothing once it is past. */
export function openJournal(path: string): Journal {
  const file = openSync(path, 'a+', 0o600);
  endTornLine(file);
  let sync: 'idle' | 'scheduled' | 'running' | 'running, more to do' = 'idle';
  let closed = false;
  let syncError: Error | undefined;

  const schedule = (): void => {
    sync = 'scheduled';
    setImmediate(() => {
      if (closed) return;
      sync = 'running';
      fsync(file, (error) => {
        syncError ??= error ?? undefined;
        const more = sync === 'running, more to do';
        sync = 'idle';
        // close() could not: the descriptor was in use.
        if (closed) closeSync(file);
        else if (more) schedule();
      });
    });
  };
  const throwSyncError = (): void => {
    const error = syncError;
    syncError = undefined;
    if (error !== undefined) throw asError(error);
  };

  return {
    write(event) {
      if (closed) throw new KubexmError('INTERNAL', `the journal ${path} is closed`);
      if (event.type === 'job-progress') return;
      throwSyncError();
      writeAll(file, Buffer.from(`${JSON.stringify(event)}\n`));
      if (!isBoundary(event)) return;
      if (sync === 'idle') schedule();
      else if (sync === 'running') sync = 'running, more to do';
    },
    close() {
      if (closed) return;
      closed = true;
      fsyncSync(file);
      if (sync === 'idle' || sync === 'scheduled') closeSync(file);
      throwSyncError();
    },
  };
}

/** Reads a journal, also one that ends in the middle of a line. */
export async function readJournal(path: string): Promise<JournalContent> {
  const events: EngineEvent[] = [];
  let tornLines = 0;
  for await (const line of createInterface({
    input: createReadStream(path, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line === '') continue;
    const event = parseEvent(line);
    if (event === undefined) tornLines += 1;
    else events.push(event);
  }
  return { events, tornLines, summary: summarise(events) };
}

function isBoundary({ type }: EngineEvent): boolean {
  return type === 'job-acting' || type === 'job-finished' || type === 'rollback-finished' || type.startsWith('run-');
}

/** A crash may have left half a line; what comes now must not grow on it. */
function endTornLine(file: number): void {
  const { size } = fstatSync(file);
  if (size === 0) return;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  if (last.toString() !== '\n') writeAll(file, Buffer.from('\n'));
}

function writeAll(file: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

function parseEvent(line: string): EngineEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('type' in value) || !('at' in value)) return undefined;
    // Lines of this file were written by openJournal; a newer version may know more types, which readers pass over.
    return typeof value.type === 'string' && typeof value.at === 'number' ? (value as EngineEvent) : undefined;
  } catch {
    return undefined;
  }
}
