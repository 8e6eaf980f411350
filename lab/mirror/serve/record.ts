import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const identity = z.object({ pid: z.number().int().positive(), startTime: z.number(), bootId: z.string() });

const record = z.object({
  filesUrl: z.string(),
  registry: z.string(),
  /** Older labs have none. */
  privateRegistry: z.string().optional(),
  /** The directory that is served. */
  site: z.string(),
  processes: z.object({
    files: identity.optional(),
    registry: identity.optional(),
    privateRegistry: identity.optional(),
  }),
});

/** What runs for a lab: kept in its state directory, so that only own processes are ever ended. */
export type MirrorRecord = z.infer<typeof record>;

/** The record, or undefined when nothing was started. A damaged one throws: what it named may still run. */
export async function readRecord(stateDir: string): Promise<MirrorRecord | undefined> {
  try {
    return record.parse(JSON.parse(await readFile(recordFile(stateDir), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writeRecord(stateDir: string, value: MirrorRecord): Promise<void> {
  await mkdir(stateDir, { recursive: true });
  const temporary = `${recordFile(stateDir)}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`);
  await rename(temporary, recordFile(stateDir));
}

export async function removeRecord(stateDir: string): Promise<void> {
  await rm(recordFile(stateDir), { force: true });
}

function recordFile(stateDir: string): string {
  return join(stateDir, 'mirror.json');
}
