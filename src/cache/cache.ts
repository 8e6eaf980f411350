import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../util/atomic-file.js';
import { withFileLock } from '../util/file-lock.js';

/** What is remembered: digests of local files, facts of hosts. */
export type CacheSection = 'checksums' | 'facts';

/** Plain data, as JSON holds it. */
export type CacheValue =
  | string
  | number
  | boolean
  | null
  | readonly CacheValue[]
  | { readonly [key: string]: CacheValue };

/**
 * Memory over one file on disk. Reads and writes go to memory; `save` brings what was set to the disk, beside what other
 * processes saved there. Nothing in it is the truth: deleting the file costs time only.
 */
export interface Cache {
  get(section: CacheSection, key: string): CacheValue | undefined;
  set(section: CacheSection, key: string, value: CacheValue): void;
  delete(section: CacheSection, key: string): void;
  save(): Promise<void>;
}

/** Raised whenever the meaning of what is stored changes: an older file is then ignored. */
const version = 1;

type Entries = Map<string, CacheValue>;
type Sections = Record<CacheSection, Entries>;
/** Undefined stands for deleted. */
type Changes = Record<CacheSection, Map<string, CacheValue | undefined>>;

/** Opens the cache of a file; a file that is missing, broken or of another version is an empty cache. */
export async function openCache(path: string): Promise<Cache> {
  const memory = await load(path);
  let changes = noChanges();
  return {
    get: (section, key) => memory[section].get(key),
    set(section, key, value) {
      memory[section].set(key, value);
      changes[section].set(key, value);
    },
    delete(section, key) {
      memory[section].delete(key);
      changes[section].set(key, undefined);
    },
    async save() {
      if (changes.checksums.size + changes.facts.size === 0) return;
      const saving = changes;
      changes = noChanges();
      await withFileLock(`${path}.busy`, async () => {
        const merged = withChanges(await load(path), saving);
        const content = { version, checksums: sorted(merged.checksums), facts: sorted(merged.facts) };
        await writeFileAtomic(path, `${JSON.stringify(content, null, 1)}\n`);
      });
    },
  };
}

async function load(path: string): Promise<Sections> {
  const found = await readJson(path);
  const usable = isRecord(found) && found.version === version ? found : {};
  return { checksums: entriesOf(usable.checksums), facts: entriesOf(usable.facts) };
}

/** Whatever hinders reading it: a cache that cannot be read is no cache. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function withChanges(sections: Sections, changes: Changes): Sections {
  for (const section of ['checksums', 'facts'] as const) {
    for (const [key, value] of changes[section]) {
      if (value === undefined) sections[section].delete(key);
      else sections[section].set(key, value);
    }
  }
  return sections;
}

function noChanges(): Changes {
  return { checksums: new Map(), facts: new Map() };
}

function sorted(entries: Entries): Readonly<Record<string, CacheValue>> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function entriesOf(value: unknown): Entries {
  // It came from JSON, so everything in it is a CacheValue.
  return new Map(isRecord(value) ? (Object.entries(value) as [string, CacheValue][]) : []);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
