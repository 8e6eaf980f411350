import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** The digest of a file of this machine, lower-case hex; read as a stream. */
export async function sha256File(path: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<string> {
  const hash = createHash('sha256');
  await feedFile(hash, path, signal);
  return hash.digest('hex');
}

/** Feeds a whole file into a running digest. */
export async function feedFile(hash: Hash, path: string, signal?: AbortSignal): Promise<void> {
  const options = { highWaterMark: 1 << 20, ...(signal ? { signal } : {}) };
  for await (const chunk of createReadStream(path, options)) hash.update(chunk as Buffer);
}
