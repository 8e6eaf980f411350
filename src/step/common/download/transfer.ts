import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, stat, unlink } from 'node:fs/promises';
import { KubexmError } from '../../../errors/index.js';
import { feedFile } from '../../../util/sha256-file.js';
import { unlessMissing } from '../../../util/system-error.js';
import { beginningLength, type Content, checkBeginning, checkStatus } from './content.js';
import { type HttpAnswer, type HttpClient, networkError } from './http.js';

interface Transfer {
  readonly client: HttpClient;
  readonly url: string;
  /** The unfinished file: what is in it stays for the next attempt when this one breaks off. */
  readonly part: string;
  readonly expect: Content;
  readonly signal: AbortSignal;
  progress(done: number, total: number | undefined): void;
}

/** `resumed`: its beginning came with an earlier request, maybe of other content. */
export interface Transferred {
  readonly sha256: string;
  readonly resumed: boolean;
}

/** One request for what is missing of a file. The digest is taken while it arrives. */
export async function transfer(job: Transfer): Promise<Transferred> {
  const { client, url, part, signal } = job;
  const offset = (await unlessMissing(stat(part)))?.size ?? 0;
  const answer = await client.get(url, { signal, ...(offset > 0 ? { headers: { range: `bytes=${offset}-` } } : {}) });
  const hash = createHash('sha256');
  try {
    if (offset > 0 && answer.status !== 200) {
      if (await isWhole(answer, offset)) {
        await feedFile(hash, part, signal);
        return { sha256: hash.digest('hex'), resumed: true };
      }
      await checkResumes(answer, { part, offset });
      await feedFile(hash, part, signal);
      await receive(job, { answer, hash, offset });
      return { sha256: hash.digest('hex'), resumed: true };
    }
    await checkStatus(answer, [200]);
    await receive(job, { answer, hash, offset: 0 });
    return { sha256: hash.digest('hex'), resumed: false };
  } finally {
    answer.body.on('error', () => undefined).destroy();
  }
}

/** 416 with the very size that is there: the part is the whole file. */
async function isWhole({ status, headers }: HttpAnswer, offset: number): Promise<boolean> {
  return status === 416 && String(headers['content-range']) === `bytes */${offset}`;
}

/** Anything but a proper continuation makes the part worthless; the next attempt begins anew. */
async function checkResumes(answer: HttpAnswer, { part, offset }: { readonly part: string; readonly offset: number }) {
  const { status, headers, url } = answer;
  if (status === 206 && String(headers['content-range']).startsWith(`bytes ${offset}-`)) return;
  if (status !== 206 && status !== 416) return await checkStatus(answer, [206]);
  await unlessMissing(unlink(part));
  throw new KubexmError('ARTIFACT_DOWNLOAD', `${url} does not continue at byte ${offset}`);
}

async function receive(
  { url, part, expect, signal, progress }: Transfer,
  { answer, hash, offset }: { readonly answer: HttpAnswer; readonly hash: Hash; readonly offset: number },
): Promise<void> {
  const length = Number(answer.headers['content-length'] ?? Number.NaN);
  const total = Number.isNaN(length) ? undefined : offset + length;
  let done = offset;
  let file: FileHandle | undefined;
  try {
    for await (const chunk of inspected(answer, offset > 0 ? 'continuation' : expect, signal)) {
      // Opened only now: an answer that is not what was asked for leaves no trace.
      file ??= await open(part, offset > 0 ? 'a' : 'w', 0o600);
      hash.update(chunk);
      await file.writeFile(chunk);
      done += chunk.length;
      progress(done, total);
    }
  } finally {
    await file?.close();
  }
  if (total !== undefined && done !== total) {
    throw new KubexmError('ARTIFACT_DOWNLOAD', `${url} ended after ${done} of ${total} bytes`);
  }
}

/** The body's chunks, the first of them only after the beginning was looked at. */
async function* inspected(
  answer: HttpAnswer,
  expect: Content | 'continuation',
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let beginning: Buffer | undefined = expect === 'continuation' ? undefined : Buffer.alloc(0);
  const look = (bytes: Buffer) => {
    if (expect !== 'continuation') checkBeginning(answer, bytes, expect);
  };
  for await (const chunk of faultsNamed(answer, signal)) {
    if (beginning === undefined) {
      yield chunk;
      continue;
    }
    beginning = Buffer.concat([beginning, chunk]);
    if (beginning.length < beginningLength) continue;
    look(beginning);
    yield beginning;
    beginning = undefined;
  }
  if (beginning === undefined) return;
  look(beginning);
  yield beginning;
}

/** Keeps faults of the network apart from those of the disk. */
async function* faultsNamed({ body, url }: HttpAnswer, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk as Buffer;
  } catch (error) {
    throw networkError(url, error, signal);
  }
}
