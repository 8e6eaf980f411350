import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EtcdSnapshot } from '../common/etcd-snapshot.js';
import { keptSnapshots, readSnapshotFile, surplusSnapshots } from './etcd-snapshots.js';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubexm-snapshots-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Pages with the mark of a bbolt database, and the digest that etcdctl puts behind. */
function snapshotBytes(pages = 4000): Buffer {
  const database = Buffer.alloc(pages * 512, 7);
  database.writeUInt32LE(0xed0cdaed, 16);
  return Buffer.concat([database, createHash('sha256').update(database).digest()]);
}

const metadata = (over: Partial<EtcdSnapshot> = {}): EtcdSnapshot => ({
  writtenBy: 'kubexm',
  kind: 'command',
  name: 'etcd-demo-20260101T000000Z-rev7',
  cluster: 'demo',
  clusterId: 'cdf8',
  member: 'm1',
  memberId: '8e9e',
  etcdVersion: '3.6.14',
  kubernetesVersion: 'v1.34.4',
  kubeSystemUid: '',
  revision: 7,
  hash: 1,
  keys: 2,
  size: 3,
  sha256: 'ab',
  time: '2026-01-01T00:00:00Z',
  ...over,
});

async function file(bytes: Uint8Array | string, beside?: string): Promise<string> {
  const path = join(dir, 'snapshot.db');
  await writeFile(path, bytes);
  if (beside !== undefined) await writeFile(join(dir, 'snapshot.json'), beside);
  return path;
}

describe('a snapshot file', () => {
  test('is whole where its end has the digest of the rest', async () => {
    const bytes = snapshotBytes();
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const path = await file(bytes, JSON.stringify(metadata({ sha256 })));
    expect(await readSnapshotFile(path)).toEqual({ path, sha256, size: bytes.length, metadata: metadata({ sha256 }) });
  });

  test('needs no metadata', async () => {
    expect(await readSnapshotFile(await file(snapshotBytes()))).not.toHaveProperty('metadata');
  });

  test('that is absent is named', async () => {
    await expect(readSnapshotFile(join(dir, 'x.db'))).rejects.toMatchObject({ code: 'FILE_MISSING' });
  });

  test.each([
    ['a page of the web', '<!DOCTYPE html><html></html>'.repeat(50), /does not begin as a database/],
    ['nothing', '', /does not begin as a database/],
    ['the database file of a member', snapshotBytes().subarray(0, -32), /no digest at its end/],
    ['one with a byte more', Buffer.concat([snapshotBytes(), Buffer.from('x')]), /cut short, or something was added/],
  ])('that is %s is refused', async (_, bytes, because) => {
    const refused = readSnapshotFile(await file(bytes));
    await expect(refused).rejects.toMatchObject({ code: 'GUARD_REFUSED', details: [expect.stringMatching(because)] });
  });

  test.each([1, 512, 4096, 1_500_000])('that lost %i bytes at its end is refused', async (lost) => {
    const bytes = snapshotBytes();
    const path = await file(bytes);
    await truncate(path, bytes.length - lost);
    await expect(readSnapshotFile(path)).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  });

  test('with one bit turned is refused', async () => {
    const bytes = snapshotBytes();
    bytes.writeUInt8(6, 1_100_000);
    await expect(readSnapshotFile(await file(bytes))).rejects.toMatchObject({
      details: ['its content is not what its digest says', expect.anything(), expect.anything()],
    });
  });

  test('with the metadata of another one is refused', async () => {
    const path = await file(snapshotBytes(), JSON.stringify(metadata()));
    await expect(readSnapshotFile(path)).rejects.toMatchObject({
      details: [expect.stringContaining('its metadata is of another file'), 'metadata ab', expect.anything()],
    });
  });

  test('with a text beside it that is no metadata is refused', async () => {
    await expect(readSnapshotFile(await file(snapshotBytes(), '{}'))).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  });
});

describe('retention', () => {
  const at = (name: string, day: number, over: Partial<EtcdSnapshot> = {}) =>
    metadata({ name, time: `2026-01-0${day}T00:00:00Z`, ...over });

  test('lets go of the oldest of a cluster and a kind, and of nothing else', () => {
    const all = [
      at('b', 2),
      at('d', 4),
      at('a', 1),
      at('c', 3),
      at('x', 1, { kind: 'schedule' }),
      at('y', 1, { cluster: 'demo2' }),
    ];
    const surplus = surplusSnapshots(all, { cluster: 'demo', kind: 'command', keep: 2 });
    expect(surplus.map(({ name }) => name)).toEqual(['b', 'a']);
  });

  test('knows only files with metadata of the same name', async () => {
    const own = metadata({ name: 'etcd-demo-1' });
    await writeFile(join(dir, 'etcd-demo-1.json'), JSON.stringify(own));
    await writeFile(join(dir, 'etcd-demo-2.json'), JSON.stringify(own));
    await writeFile(join(dir, 'etcd-demo-3.json'), '{"mine":true}');
    await writeFile(join(dir, 'etcd-demo-4.db'), '');
    expect(await keptSnapshots(dir)).toEqual([own]);
    expect(await keptSnapshots(join(dir, 'nowhere'))).toEqual([]);
  });
});
