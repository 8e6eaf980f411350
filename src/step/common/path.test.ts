import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { output } from '../../plan/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { fileChecksum, makeDirectory, removeFile } from './path.js';

describe('fileChecksum', () => {
  const sha256 = createHash('sha256').update('etcd').digest('hex');

  test('passes on the digest that it found', async () => {
    const trial = hostTrial({ files: { '/bin/etcd': 'etcd' } });
    const found = output<string>('found');
    const step = fileChecksum({ path: '/bin/etcd', sha256, output: found });
    expect(await trial.precheck(step)).toEqual({ state: 'satisfied', because: 'the checksum matches' });
    expect(trial.outputs.get('found')).toBe(sha256);
    expect(step.writes).toEqual(['found']);
  });

  test('another content or none is an error', async () => {
    const trial = hostTrial({ files: { '/bin/etcd': 'html', '/dir': { type: 'directory' } } });
    await expect(trial.precheck(fileChecksum({ path: '/bin/etcd', sha256 }))).rejects.toMatchObject({
      code: 'ARTIFACT_CHECKSUM',
      details: [`expected sha256 ${sha256}`, expect.stringContaining('found    sha256')],
    });
    await expect(trial.precheck(fileChecksum({ path: '/nowhere' }))).rejects.toMatchObject({ code: 'FILE_MISSING' });
    await expect(trial.precheck(fileChecksum({ path: '/dir' }))).rejects.toThrow('is a directory');
  });
});

describe('removeFile', () => {
  test('removes a file, once', async () => {
    const trial = hostTrial({ files: { '/etc/x': 'a' } });
    expect(await trial.play(removeFile({ path: '/etc/x' }))).toMatchObject({
      first: { state: 'needed', because: 'is there (file)' },
      again: { state: 'satisfied', because: 'does not exist' },
    });
  });

  test('a directory only when that is said', async () => {
    const trial = hostTrial({ files: { '/var/lib/x/y': 'a' } });
    await expect(trial.precheck(removeFile({ path: '/var/lib/x' }))).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
    expect((await trial.play(removeFile({ path: '/var/lib/x', recursive: true }))).again?.state).toBe('satisfied');
    expect(trial.host.files.has('/var/lib/x/y')).toBe(false);
  });

  test.each(['', '/', '/etc', '/usr/', 'etc/x', '/etc/../usr'])('never removes %j', async (path) => {
    const trial = hostTrial();
    await expect(trial.precheck(removeFile({ path, recursive: true }))).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
    });
    expect(trial.host.operations).toEqual([]);
  });

  test('undone: the file is back', async () => {
    const trial = hostTrial({ files: { '/etc/x': { content: 'a', mode: 0o600 } } });
    await trial.playAndUndo(removeFile({ path: '/etc/x' }));
    expect(trial.host.files.get('/etc/x')).toMatchObject({ content: 'a', mode: 0o600 });
  });
});

describe('makeDirectory', () => {
  const step = makeDirectory({ path: '/var/lib/etcd', mode: 0o700, owner: 'etcd' });

  test('makes it with its mode and owner in one command', async () => {
    const trial = hostTrial({
      commands: [
        [
          /mkdir/,
          (_call, host) => {
            host.files.put('/var/lib/etcd', { type: 'directory', mode: 0o700, owner: 'etcd' });
            return '';
          },
        ],
      ],
    });
    expect((await trial.play(step)).again?.state).toBe('satisfied');
    expect(trial.host.commands).toEqual([
      '(umask 022; mkdir -p /var/lib/etcd) && chown etcd /var/lib/etcd && chmod 0700 /var/lib/etcd',
    ]);
  });

  test('says what differs, and what stands in its way', async () => {
    const open = hostTrial({ files: { '/var/lib/etcd': { type: 'directory', owner: 'etcd' } } });
    expect(await open.precheck(step)).toMatchObject({ because: 'mode is 0755, not 0700' });
    const file = hostTrial({ files: { '/var/lib/etcd': 'a' } });
    await expect(file.precheck(step)).rejects.toThrow('is a file, where a directory belongs');
  });

  test('undone: it goes if it is empty, or has its mode back', async () => {
    const fresh = hostTrial({ commands: [[/mkdir|rmdir/, '']] });
    await fresh.playAndUndo(step);
    expect(fresh.host.commands.at(-1)).toBe('rmdir /var/lib/etcd');
    const open = hostTrial({ files: { '/var/lib/etcd': { type: 'directory' } }, commands: [[/mkdir|chown/, '']] });
    await open.playAndUndo(step);
    expect(open.host.commands.at(-1)).toBe('chown root:root /var/lib/etcd && chmod 0755 /var/lib/etcd');
  });
});
