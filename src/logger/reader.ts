import type { EngineEvent } from '../engine/events.js';

/** Consumes the events of one run, in order. */
export interface EventReader {
  read(event: EngineEvent): void;
  /** Flushes and gives back what it holds (the terminal, a file). May be called twice; also after a crash. */
  close(): void;
}

/** Where a reader writes text to; `process.stderr` is one. */
export interface TextSink {
  write(text: string): unknown;
}

/**
 * One reader that hands every event to all of them. A reader that throws (a full disk under the log, a closed pipe) is left out from then
 * on and reported once: a run never fails because somebody stopped watching it.
 */
export function combineReaders(
  readers: readonly EventReader[],
  onBroken: (error: unknown) => void = () => {},
): EventReader {
  const working = new Set(readers);
  const guarded = (reader: EventReader, action: () => void) => {
    try {
      action();
    } catch (error) {
      working.delete(reader);
      onBroken(error);
    }
  };
  return {
    read(event) {
      for (const reader of working) guarded(reader, () => reader.read(event));
    },
    close() {
      for (const reader of working) guarded(reader, () => reader.close());
    },
  };
}
