import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { EtcdSnapshot } from '../../common/etcd-snapshot.js';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { fetchEtcdSnapshot, saveEtcdSnapshot } from './snapshot.js';

const content = 'a database and its digest';
const sha256 = createHash('sha256').update(content).digest('hex');
const dir = '/var/backups/etcd';

function snapshot(day: number): EtcdSnapshot {
  return {
    writtenBy: 'kubexm',
    kind: 'command',
    name: `etcd-demo-2026010${day}T000000Z-rev${day}`,
    cluster: 'demo',
    clusterId: 'cdf8',
    member: 'node-1',
    memberId: '8e9e',
    etcdVersion: '3.6.14',
    kubernetesVersion: 'v1.34.4',
    kubeSystemUid: '',
    revision: day,
    hash: 42,
    keys: 5,
    size: content.length,
    sha256,
    time: `2026-01-0${day}T00:00:00Z`,
  };
}

const params = (localDir: string) => ({
  cluster: 'demo',
  member: 'node-1',
  endpoint: 'https://10.0.0.1:2379',
  dir,
  keep: 2,
  kubernetesVersion: 'v1.34.4',
  localDir,
});

/** A host whose script takes one snapshot a call, day after day. */
function trialHost({
  freeKiB = 1_000_000,
  say,
}: {
  freeKiB?: number;
  say?: (made: EtcdSnapshot) => FakeAnswer & string;
} = {}) {
  let day = 0;
  return hostTrial({
    templates: { 'etcd/backup.sh': '#!/bin/sh' },
    commands: [
      [/endpoint status -w json$/, '[{"Status":{"dbSize":20480,"dbSizeInUse":16384}}]'],
      [/df -Pk/, `${freeKiB} /var\n`],
      [
        /KUBEXM_KIND=command .* sh -s$/,
        (_, host) => {
          day += 1;
          const made = snapshot(day);
          host.files.put(`${dir}/${made.name}.db`, { content });
          return `${say?.(made) ?? JSON.stringify(made)}\n`;
        },
      ],
    ],
  });
}

test('a snapshot counts when it is here too, whole, and readable for nobody else; the newest stay', async () => {
  const localDir = await temporaryDirectory();
  await writeFile(join(localDir, '.partial-etcd-demo-0.db'), 'of a run that was killed');
  await writeFile(join(localDir, 'etcd-demo-mine.db'), 'nobody told kubexm of it');
  const trial = trialHost();
  for (let runs = 0; runs < 3; runs += 1) {
    const { first } = await trial.play(saveEtcdSnapshot(params(localDir)));
    expect(first.state).toBe('needed');
  }
  const names = [2, 3].flatMap((day) => [`${snapshot(day).name}.db`, `${snapshot(day).name}.json`]);
  expect((await readdir(localDir)).sort()).toEqual([...names, 'etcd-demo-mine.db'].sort());
  const path = join(localDir, `${snapshot(3).name}.db`);
  expect(await readFile(path, 'utf8')).toBe(content);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(trial.host.stdins).toContain('#!/bin/sh');
});

test('the snapshot that is about to be restored stays, however old', async () => {
  const localDir = await temporaryDirectory();
  const trial = trialHost();
  for (let runs = 0; runs < 4; runs += 1)
    await trial.play(saveEtcdSnapshot({ ...params(localDir), spare: snapshot(1).name }));
  const names = (await readdir(localDir)).filter((name) => name.endsWith('.db')).sort();
  expect(names).toEqual([1, 3, 4].map((day) => `${snapshot(day).name}.db`));
});

test('what a restore that is not over was made from stays', async () => {
  const localDir = await temporaryDirectory();
  const trial = trialHost({ say: (made) => `restoring: ${'0'.repeat(64)} ${sha256} \n${JSON.stringify(made)}` });
  for (let runs = 0; runs < 4; runs += 1) await trial.play(saveEtcdSnapshot(params(localDir)));
  expect((await readdir(localDir)).filter((name) => name.endsWith('.db'))).toHaveLength(4);
});

test('a further copy has its metadata beside it, and overwrites nothing', async () => {
  const localDir = await temporaryDirectory();
  const copyTo = join(await temporaryDirectory(), 'safe.db');
  const trial = trialHost();
  await trial.play(saveEtcdSnapshot({ ...params(localDir), copyTo }));
  expect(await readFile(copyTo, 'utf8')).toBe(content);
  expect(JSON.parse(await readFile(copyTo.replace('.db', '.json'), 'utf8'))).toEqual(snapshot(1));
  await expect(trial.precheck(saveEtcdSnapshot({ ...params(localDir), copyTo }))).rejects.toMatchObject({
    code: 'USAGE',
  });
});

test('without room nothing is begun', async () => {
  const trial = trialHost({ freeKiB: 10_000 });
  await expect(trial.precheck(saveEtcdSnapshot(params(await temporaryDirectory())))).rejects.toMatchObject({
    code: 'HOST_DISK_FULL',
    message: 'no room for a snapshot of etcd in /var/backups/etcd on node-1',
  });
});

test('what arrives damaged is a failure that says where the snapshot is', async () => {
  const localDir = await temporaryDirectory();
  const trial = trialHost({ say: (made) => JSON.stringify({ ...made, sha256: 'other' }) });
  await expect(trial.play(saveEtcdSnapshot(params(localDir)))).rejects.toMatchObject({
    code: 'TRANSFER_FAILED',
    message: expect.stringContaining(
      `is on node-1 (${dir}/${snapshot(1).name}.db), but not everywhere on this machine`,
    ),
  });
  expect(await readdir(localDir)).toEqual([]);
});

test('a script that tells nothing has saved nothing', async () => {
  const trial = trialHost({ say: () => 'all is well' });
  await expect(trial.play(saveEtcdSnapshot(params(await temporaryDirectory())))).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
  });
});

test('a snapshot of a member is fetched once', async () => {
  const localDir = await temporaryDirectory();
  const path = `${dir}/${snapshot(1).name}.db`;
  const trial = hostTrial({ files: { [path]: { content } } });
  const step = fetchEtcdSnapshot({ snapshot: snapshot(1), path, localPath: join(localDir, `${snapshot(1).name}.db`) });
  expect((await trial.play(step)).again).toEqual({ state: 'satisfied', because: 'it is here already' });
  expect((await trial.play(step)).first.state).toBe('satisfied');
});
