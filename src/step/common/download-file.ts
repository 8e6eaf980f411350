import { chmod, mkdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { KubexmError } from '../../errors/index.js';
import { sha256File } from '../../util/sha256-file.js';
import { systemErrorCode, unlessMissing } from '../../util/system-error.js';
import type { StepContext } from '../context.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { fileDigest } from '../pki/digest.js';
import { fetchChecksum } from './download/checksum-file.js';
import { type HttpClient, openHttpClient } from './download/http.js';
import { pin, readPins } from './download/lock-file.js';
import { defaultRetries, firstThatWorks } from './download/mirrors.js';
import { transfer } from './download/transfer.js';
import type { DownloadFile } from './download-file-params.js';

const kind = 'file.download';
const progressEveryMs = 100;

/**
 * Brings a file from upstream or a mirror to the control machine: whole and with the right digest, or not at all. A
 * download that broke off goes on where it stopped, in the same run or a later one. Fills `fileDigest(target)`.
 */
export const downloadFile = defineStep({
  kind,
  title: (p: DownloadFile) => `Download ${basename(p.target)}`,
  writes: ({ target }) => [fileDigest(target).$output],
  // It tries again by itself, and knows better what is worth it. Silence ends it, not length.
  policy: { attempts: 1, timeoutMs: 4 * 3_600_000 },
  // Every byte was hashed on its way to the disk: reading it all again would tell nothing new.
  recheck: false,
  async precheck(ctx, p) {
    requireControlNode(ctx, kind);
    if (!(await unlessMissing(stat(p.target)))) return needed('it is not there');
    const expected = await knownChecksum(p);
    if (!expected) return needed('it is there, but nothing has verified it yet');
    const sha256 = await sha256File(p.target, ctx);
    if (sha256 !== expected.sha256)
      return needed(`its sha256 is ${sha256}, ${expected.source} says ${expected.sha256}`);
    ctx.write(fileDigest(p.target), sha256);
    return satisfied(`its sha256 is the one of ${expected.source}`);
  },
  async run(ctx, p) {
    const client = await openHttpClient();
    try {
      await mkdir(dirname(p.target), { recursive: true, mode: 0o700 });
      const expected = (await knownChecksum(p)) ?? (await upstreamChecksum(ctx, client, p));
      const present = await unlessMissing(sha256File(p.target, ctx));
      if (present !== expected.sha256) await fetchVerified(ctx, client, p, expected);
      await chmod(p.target, p.mode ?? 0o644);
      if (p.lock) await pin(p.lock.path, p.lock.key, { sha256: expected.sha256, url: p.lock.url });
      ctx.write(fileDigest(p.target), expected.sha256);
    } catch (error) {
      throw diskFault(error, p.target);
    } finally {
      await client.close();
    }
  },
});

interface Expected {
  readonly sha256: string;
  readonly source: string;
}

/** What can be said without asking upstream: the plan's digest, else what kubexm.lock pins by now. */
async function knownChecksum({ checksum, lock }: DownloadFile): Promise<Expected | undefined> {
  if ('sha256' in checksum) return checksum;
  const pinned = lock && (await readPins(lock.path)).get(lock.key);
  return pinned && { sha256: pinned.sha256, source: basename(lock.path) };
}

async function upstreamChecksum(ctx: StepContext, client: HttpClient, p: DownloadFile): Promise<Expected> {
  const urls = 'urls' in p.checksum ? p.checksum.urls : [];
  const fileName = basename(new URL(p.lock?.url ?? p.urls[0] ?? '').pathname);
  return await firstThatWorks(urls, retrying(ctx), (url) =>
    fetchChecksum({ client, url, fileName, signal: ctx.signal }),
  );
}

async function fetchVerified(ctx: StepContext, client: HttpClient, p: DownloadFile, expected: Expected): Promise<void> {
  const { expect, target } = p;
  const { signal } = ctx;
  const part = `${target}.part`;
  const progress = throttled(ctx);
  await firstThatWorks(p.urls, retrying(ctx), async (url) => {
    const got = await transfer({ client, url, part, expect, signal, progress });
    // No sync before the rename: the digest is compared on every later use, a torn file is only downloaded again.
    if (got.sha256 === expected.sha256) return await rename(part, target);
    await unlink(part);
    throw mismatch(p, { url, expected, actual: got.sha256, again: got.resumed });
  });
}

/** `again`: the first half is an earlier request's, so the file gets one more chance from its beginning. */
function mismatch(
  { lock }: DownloadFile,
  {
    url,
    expected,
    actual,
    again,
  }: { readonly url: string; readonly expected: Expected; readonly actual: string; readonly again: boolean },
): KubexmError {
  const pinned = lock && expected.source === basename(lock.path);
  const message = pinned
    ? `${url} is not the file that was verified and pinned before: it was changed upstream, or on its way`
    : `${url} has the wrong sha256; what came was removed`;
  return new KubexmError('ARTIFACT_CHECKSUM', message, {
    details: [`expected ${expected.sha256} (${expected.source})`, `got      ${actual}`],
    hint: pinned
      ? `if upstream says it published a new file, remove "${lock.key}" from ${lock.path} and run again`
      : `if ${expected.source} is wrong, correct it; else look for a broken mirror or proxy`,
    retryable: again,
  });
}

function retrying({ signal, log }: StepContext) {
  return { signal, retries: defaultRetries, onRetry: (error: Error) => log('warn', `${error.message}; trying again`) };
}

/** Ten times a second is enough for any screen. */
function throttled(ctx: StepContext): (done: number, total: number | undefined) => void {
  let last = 0;
  return (done, total) => {
    const now = Date.now();
    if (done !== total && now - last < progressEveryMs) return;
    last = now;
    ctx.progress(done, total, 'bytes');
  };
}

function diskFault(error: unknown, target: string): unknown {
  const code = systemErrorCode(error);
  if (error instanceof KubexmError || (code !== 'ENOSPC' && code !== 'EDQUOT')) return error;
  return new KubexmError('HOST_DISK_FULL', `no space left on the control node for ${target}`, {
    hint: `free some space on the file system of ${dirname(target)} and run again: the download goes on where it stopped`,
    cause: error,
    retryable: false,
  });
}
