import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { requireRestoreRoom, requireRoomOnHost } from './room.js';

const MiB = 2 ** 20;
/** Free MiB and the mount point, first of the directory of the upload, then of the data. */
const trial = (...disks: readonly (readonly [number, string])[]) =>
  hostTrial({ name: 'm1', commands: [[/df -Pk/, disks.map(([free, mount]) => `${free * 1024} ${mount}\n`).join('')]] });
const step = (copies: number) => requireRestoreRoom({ dataDir: '/var/lib/etcd', bytes: 1000 * MiB, copies });

test.each<[string, readonly (readonly [number, string])[], number, string | undefined]>([
  [
    'one disk for all',
    [
      [2544, '/'],
      [2544, '/'],
    ],
    1,
    undefined,
  ],
  [
    'one disk that is too small for both',
    [
      [2543, '/'],
      [2543, '/'],
    ],
    1,
    '/ on m1',
  ],
  [
    'one disk that is too small for the trial',
    [
      [3000, '/'],
      [3000, '/'],
    ],
    2,
    '/ on m1',
  ],
  [
    'two disks',
    [
      [1200, '/'],
      [1344, '/data'],
    ],
    1,
    undefined,
  ],
  [
    'too little for the upload',
    [
      [1199, '/'],
      [9999, '/data'],
    ],
    1,
    '/var/lib/kubexm/etcd-restore/snapshot.db on m1',
  ],
  [
    'too little for the data',
    [
      [9999, '/'],
      [1343, '/data'],
    ],
    1,
    '/var/lib/etcd on m1',
  ],
])('room of a restore: %s', async (_, disks, copies, where) => {
  const looked = trial(...disks).precheck(step(copies));
  if (where === undefined) expect(await looked).toMatchObject({ state: 'satisfied' });
  else
    await expect(looked).rejects.toMatchObject({
      code: 'HOST_DISK_FULL',
      message: `no room for a snapshot of etcd in ${where}`,
    });
});

test('room of a backup is a fifth more than the database', async () => {
  const size = 1000 * MiB;
  await requireRoomOnHost(trial([1216, '/']).ctx, '/var/backups/etcd', size);
  await expect(requireRoomOnHost(trial([1215, '/']).ctx, '/var/backups/etcd', size)).rejects.toMatchObject({
    details: ['1215 MiB are free, 1216 MiB are needed'],
    hint: expect.stringContaining('etcd.backup.dir'),
  });
});

test('a df that tells nothing is not room', async () => {
  const { ctx } = hostTrial({ commands: [[/df -Pk/, '\n']] });
  await expect(requireRoomOnHost(ctx, '/var/backups/etcd', 1)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
});
