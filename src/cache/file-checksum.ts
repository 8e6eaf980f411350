import { stat } from 'node:fs/promises';
import { sha256File } from '../util/sha256-file.js';
import { unlessMissing } from '../util/system-error.js';
import type { Cache, CacheValue } from './cache.js';

/**
 * The sha256 of a local file, undefined where there is none. A file whose size, times and inode are those it had when
 * it was last hashed is not read again.
 */
export async function fileChecksum(cache: Cache, path: string): Promise<string | undefined> {
  const info = await unlessMissing(stat(path, { bigint: true }));
  if (!info?.isFile()) return undefined;
  // ctime too: mtime can be set back, as unpacking and copying do.
  const identity = [info.size, info.mtimeNs, info.ctimeNs, info.ino].join(':');
  const known = remembered(cache.get('checksums', path), identity);
  if (known !== undefined) return known;
  const sha256 = await sha256File(path);
  cache.set('checksums', path, { identity, sha256 });
  return sha256;
}

function remembered(value: CacheValue | undefined, identity: string): string | undefined {
  if (typeof value !== 'object' || value === null || !('sha256' in value)) return undefined;
  return value.identity === identity && typeof value.sha256 === 'string' ? value.sha256 : undefined;
}
