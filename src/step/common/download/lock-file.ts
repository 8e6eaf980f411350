import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { KubexmError } from '../../../errors/index.js';
import { writeFileAtomic } from '../../../util/atomic-file.js';
import { withFileLock } from '../../../util/file-lock.js';
import { unlessMissing } from '../../../util/system-error.js';

/** One pinned artifact: its digest and upstream's own address. */
export interface Pin {
  readonly sha256: string;
  readonly url: string;
}

/** Artifact (`etcd/v3.6.14/amd64`) → pin. */
export type Pins = ReadonlyMap<string, Pin>;

/** What `kubexm.lock` pins; nothing where there is none. A file that cannot be understood is an error: it is not ours to drop. */
export async function readPins(path: string): Promise<Pins> {
  const text = await unlessMissing(readFile(path, 'utf8'));
  return text === undefined ? new Map() : parsePins(text, path);
}

/** Pins a digest; others' pins stay, also those that another process adds at the same time. */
export async function pin(path: string, key: string, { sha256, url }: Pin): Promise<void> {
  await withFileLock(`${path}.busy`, async () => {
    const pins = await readPins(path);
    const old = pins.get(key);
    if (old?.sha256 === sha256 && old.url === url) return;
    await writeFileAtomic(path, printPins(new Map([...pins, [key, { sha256, url }]])), { mode: 0o644 });
  });
}

/** Sorted, an artifact a line: a diff shows what changed, and an editor removes one. */
function printPins(pins: Pins): string {
  const sorted = [...pins].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = sorted.map(
    ([key, { sha256, url }]) => `    ${JSON.stringify(key)}: ${JSON.stringify({ sha256, url })}`,
  );
  return `{\n  "version": 1,\n  "artifacts": {\n${lines.join(',\n')}\n  }\n}\n`;
}

function parsePins(text: string, path: string): Pins {
  const found = parseJson(text);
  const artifacts = isRecord(found) && found.version === 1 && isRecord(found.artifacts) ? found.artifacts : undefined;
  const pins = Object.entries(artifacts ?? {}).filter((entry): entry is [string, Pin] => isPin(entry[1]));
  if (artifacts === undefined || pins.length !== Object.keys(artifacts).length) {
    throw new KubexmError('ARTIFACT_CHECKSUM', `${path} is not a ${basename(path)} that this kubexm understands`, {
      hint: `put the file back from a backup, or remove it to pin what upstream publishes now`,
      retryable: false,
    });
  }
  return new Map(pins);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isPin(value: unknown): value is Pin {
  return (
    isRecord(value) &&
    typeof value.url === 'string' &&
    typeof value.sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(value.sha256)
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
