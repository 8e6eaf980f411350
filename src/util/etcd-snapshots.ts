import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type EtcdSnapshot, parseEtcdSnapshot } from '../common/etcd-snapshot.js';
import { KubexmError } from '../errors/index.js';

/** The snapshots in a directory of this machine that have kubexm's metadata; others are nobody's business. */
export async function keptSnapshots(directory: string): Promise<readonly EtcdSnapshot[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = await Promise.all(
    names
      .filter((name) => name.startsWith('etcd-') && name.endsWith('.json'))
      .map(async (name) => {
        const snapshot = parseEtcdSnapshot(await readFile(join(directory, name), 'utf8'));
        return snapshot !== undefined && `${snapshot.name}.json` === name ? [snapshot] : [];
      }),
  );
  return found.flat();
}

/** All but the newest `keep` of a cluster and a kind. */
export function surplusSnapshots(
  snapshots: readonly EtcdSnapshot[],
  { cluster, kind, keep }: Pick<EtcdSnapshot, 'cluster' | 'kind'> & { readonly keep: number },
): readonly EtcdSnapshot[] {
  return snapshots
    .filter((each) => each.cluster === cluster && each.kind === kind)
    .sort((a, b) => b.time.localeCompare(a.time) || b.revision - a.revision)
    .slice(keep);
}

/** A snapshot on this machine that was looked at byte by byte. `metadata`: of the JSON file beside it. */
export interface SnapshotFile {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly metadata?: EtcdSnapshot;
}

/** etcdctl writes the database, in pages, and the SHA-256 of it behind. */
const digestBytes = 32;
const pageBytes = 512;
/** First page of a bbolt database: https://github.com/etcd-io/bbolt/blob/main/internal/common/meta.go */
const magic = 0xed0cdaed;
const magicOffset = 16;

/**
 * Makes sure that a file is a whole snapshot of etcd, and the one that its metadata speaks of. Throws FILE_MISSING, or
 * GUARD_REFUSED with what is wrong with it.
 */
export async function readSnapshotFile(path: string): Promise<SnapshotFile> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    throw new KubexmError('FILE_MISSING', `there is no snapshot ${path}`, {
      hint: 'kubexm etcd backups lists what there is',
      retryable: false,
    });
  }
  if (found.size < magicOffset + 4 + digestBytes || (await magicOf(path)) !== magic)
    throw noSnapshot(path, ['it does not begin as a database of etcd does']);
  if (found.size % pageBytes !== digestBytes) {
    const because =
      found.size % pageBytes === 0
        ? 'it has no digest at its end: it is a copy of a member’s database file, or it was cut short'
        : `it was cut short, or something was added: ${found.size} bytes are no number of pages and a digest`;
    throw noSnapshot(path, [because]);
  }
  const { sha256, said, is } = await digests(path, found.size);
  if (said !== is)
    throw noSnapshot(path, ['its content is not what its digest says', `digest ${said}`, `content ${is}`]);
  const metadata = await metadataOf(path);
  if (metadata !== undefined && metadata.sha256 !== sha256) {
    throw noSnapshot(path, [
      `its metadata is of another file: ${metadata.name}, revision ${metadata.revision}`,
      `metadata ${metadata.sha256}`,
      `file ${sha256}`,
    ]);
  }
  return { path, sha256, size: found.size, ...(metadata === undefined ? {} : { metadata }) };
}

function noSnapshot(path: string, details: readonly string[]): KubexmError {
  return new KubexmError('GUARD_REFUSED', `${path} is no whole snapshot of etcd; nothing was touched`, {
    details,
    hint: 'take another one: kubexm etcd backups',
    retryable: false,
  });
}

async function magicOf(path: string): Promise<number> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, magicOffset);
    return buffer.readUInt32LE();
  } finally {
    await file.close();
  }
}

async function digests(path: string, size: number): Promise<{ sha256: string; said: string; is: string }> {
  const whole = createHash('sha256');
  const content = createHash('sha256');
  const said = Buffer.alloc(digestBytes);
  const end = size - digestBytes;
  let at = 0;
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const chunk = part as Buffer;
    whole.update(chunk);
    const mine = Math.max(0, Math.min(chunk.length, end - at));
    content.update(chunk.subarray(0, mine));
    chunk.copy(said, Math.max(0, at + mine - end), mine);
    at += chunk.length;
  }
  return { sha256: whole.digest('hex'), said: said.toString('hex'), is: content.digest('hex') };
}

async function metadataOf(path: string): Promise<EtcdSnapshot | undefined> {
  const beside = `${path.replace(/\.db$/, '')}.json`;
  const text = await readFile(beside, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const metadata = parseEtcdSnapshot(text);
  if (metadata) return metadata;
  throw noSnapshot(path, [`${beside} is no metadata of kubexm`]);
}
