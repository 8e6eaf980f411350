import { closeSync, openSync, writeSync } from 'node:fs';
import type { EventReader, TextSink } from './reader.js';
import type { Redactor } from './redactor.js';

/** Every event as one line of JSON, as it happens. */
export function ndjsonReader({ out, redactor }: { out: TextSink; redactor: Redactor }): EventReader {
  return {
    read: (event) => void out.write(`${redactor.redact(JSON.stringify(event))}\n`),
    close: () => {},
  };
}

/** `target`: a path, or `-` for `standardOutput`. The file is private to its owner and begins anew. */
export function ndjsonTo(
  target: string,
  { standardOutput, redactor }: { standardOutput: TextSink; redactor: Redactor },
): EventReader {
  if (target === '-') return ndjsonReader({ out: standardOutput, redactor });
  const file = openSync(target, 'w', 0o600);
  let open = true;
  const reader = ndjsonReader({ out: { write: (text) => writeSync(file, text) }, redactor });
  return {
    read: (event) => {
      if (open) reader.read(event);
    },
    close: () => {
      if (open) closeSync(file);
      open = false;
    },
  };
}
