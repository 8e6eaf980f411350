import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { output } from '../../plan/index.js';
import type { FakeHost } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { extractArchive } from './archive.js';

const sha256 = createHash('sha256').update('archive').digest('hex');
const params = { archive: '/var/lib/a/etcd.tgz', sha256, into: '/usr/local/bin', strip: 1 };
const step = extractArchive(params);

/** What the script does on a real host is tested in archive-script.test.ts. */
const extracts = [
  /tar -xf/,
  (_call: unknown, host: FakeHost) => {
    host.files.put('/usr/local/bin/etcd', { content: 'binary', mode: 0o755 });
    host.files.put('/usr/local/bin/etcd-link', { linkTarget: 'etcd' });
    return '/usr/local/bin/etcd\n/usr/local/bin/etcd-link\n';
  },
] as const;

const records = (host: FakeHost) => host.files.below('/var/lib/kubexm/extracted');

describe('an archive that was never extracted', () => {
  test('is, and a record says what came out of it', async () => {
    const trial = hostTrial({ commands: [extracts] });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'not extracted yet' });
    expect(again).toEqual({ state: 'satisfied', because: 'all 2 members are as they were extracted' });
    const [record = ''] = records(trial.host);
    expect(JSON.parse(trial.host.files.get(record)?.content ?? '')).toEqual({
      archive: sha256,
      members: [
        { path: '/usr/local/bin/etcd', mode: '0755', sha256: createHash('sha256').update('binary').digest('hex') },
        { path: '/usr/local/bin/etcd-link', mode: '0777', linkTarget: 'etcd' },
      ].map((member) => (member.linkTarget ? { ...member, mode: expect.any(String) } : member)),
    });
  });

  test('counts as such although files of its names are there', async () => {
    const trial = hostTrial({ files: { '/usr/local/bin/etcd': { content: 'binary', mode: 0o755 } } });
    expect(await trial.precheck(step)).toMatchObject({ because: 'not extracted yet' });
  });
});

describe('an archive that was extracted', () => {
  test('by another run: nothing to do, in two looks', async () => {
    const trial = hostTrial({ commands: [extracts] });
    await trial.play(step);
    trial.host.operations.length = 0;
    expect((await trial.play(step)).first.state).toBe('satisfied');
    expect(trial.host.operations).toHaveLength(2);
  });

  test.each([
    {
      what: 'a binary was replaced',
      change: (host: FakeHost) => host.files.put('/usr/local/bin/etcd', { content: 'v2', mode: 0o755 }),
      because: '/usr/local/bin/etcd is changed',
    },
    {
      what: 'a mode was changed',
      change: (host: FakeHost) => host.files.put('/usr/local/bin/etcd', { content: 'binary', mode: 0o644 }),
      because: '/usr/local/bin/etcd is changed',
    },
    {
      what: 'a binary was deleted',
      change: (host: FakeHost) => void host.files.delete('/usr/local/bin/etcd'),
      because: '/usr/local/bin/etcd is missing',
    },
    {
      what: 'a link points elsewhere',
      change: (host: FakeHost) => host.files.put('/usr/local/bin/etcd-link', { linkTarget: 'x' }),
      because: '/usr/local/bin/etcd-link is changed',
    },
    {
      what: 'the record was cut off',
      change: (host: FakeHost) => host.files.put(records(host)[0] ?? '', '{"archive":"'),
      because: 'not extracted yet',
    },
  ])('is extracted again where $what', async ({ change, because }) => {
    const trial = hostTrial({ commands: [extracts] });
    await trial.play(step);
    change(trial.host);
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because });
    expect(again?.state).toBe('satisfied');
  });

  test('is extracted again when the archive has become another', async () => {
    const trial = hostTrial({ commands: [extracts], outputs: { digest: 'f'.repeat(64) } });
    await trial.play(step);
    const { first } = await trial.play(extractArchive({ ...params, sha256: output('digest') }));
    expect(first).toMatchObject({ state: 'needed', because: 'extracted from another archive' });
  });

  test('and one with another choice of members have records of their own', async () => {
    const trial = hostTrial({ commands: [extracts] });
    await trial.play(step);
    await trial.play(extractArchive({ ...params, members: [{ path: 'etcd' }] }));
    expect(records(trial.host)).toHaveLength(2);
    expect((await trial.precheck(step)).state).toBe('satisfied');
  });
});

describe('faults', () => {
  test('an archive without any file is no success', async () => {
    const trial = hostTrial({ commands: [[/tar -xf/, '']] });
    await expect(trial.play(step)).rejects.toThrow('node-1: /var/lib/a/etcd.tgz holds no files');
    expect(records(trial.host)).toEqual([]);
  });

  test.each([
    {
      exitCode: 65,
      stderr: 'found sha256 00',
      code: 'ARTIFACT_CHECKSUM',
      says: 'is not the archive that was uploaded',
    },
    { exitCode: 66, stderr: 'etcd is not in the archive', code: 'FILE_MISSING', says: 'lacks a member' },
    {
      exitCode: 2,
      stderr: 'tar: etcd: Cannot write: No space left on device',
      code: 'HOST_DISK_FULL',
      says: 'no space left',
    },
    {
      exitCode: 2,
      stderr: 'tar: Unexpected EOF in archive',
      code: 'COMMAND_FAILED',
      says: 'cannot extract /var/lib/a/etcd.tgz',
    },
  ])('exit code $exitCode with "$stderr" is $code', async ({ exitCode, stderr, code, says }) => {
    const trial = hostTrial({ commands: [[/tar -xf/, { exitCode, stderr }]] });
    await expect(trial.play(step)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says),
      details: expect.arrayContaining([stderr]),
    });
    expect(records(trial.host)).toEqual([]);
  });
});
