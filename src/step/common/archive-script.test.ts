import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { extractScript } from './archive-script.js';
import type { ExtractArchive } from './params.js';

const exec = promisify(execFile);
let dir: string;
let archive: string;
let sha256: string;

/** An archive as upstream packs etcd, made with the machine's own tar. */
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubexm-archive-'));
  const content = join(dir, 'content', 'etcd-v3');
  await mkdir(join(content, 'docs'), { recursive: true });
  await writeFile(join(content, 'etcd'), 'binary', { mode: 0o755 });
  await writeFile(join(content, 'docs', "it's a read me.md"), 'text');
  await symlink('etcd', join(content, 'latest'));
  await utimes(join(content, 'etcd'), 1_000_000_000, 1_000_000_000);
  archive = join(dir, 'etcd.tar.gz');
  await exec('tar', ['-czf', archive, '-C', join(dir, 'content'), 'etcd-v3']);
  sha256 = createHash('sha256')
    .update(await readFile(archive))
    .digest('hex');
});

afterEach(() => rm(dir, { recursive: true }));

async function extract(params: Partial<ExtractArchive> = {}, expected = sha256) {
  const into = join(dir, 'bin');
  const script = extractScript({ archive, sha256: '', into, strip: 1, ...params }, expected, 'key');
  try {
    const { stdout, stderr } = await exec('sh', ['-c', script.text]);
    return { exitCode: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { exitCode: code, stdout, stderr };
  }
}

test.each([{}, { members: [] }])(
  'puts all members in place and names them; nothing else is left: %j',
  async (params) => {
    const result = await extract(params);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const names = ["docs/it's a read me.md", 'etcd', 'latest'];
    expect(result.stdout.trim().split('\n').sort()).toEqual(names.map((name) => join(dir, 'bin', name)).sort());
    expect((await readdir(join(dir, 'bin'))).sort()).toEqual(['docs', 'etcd', 'latest']);
    expect(await readlink(join(dir, 'bin', 'latest'))).toBe('etcd');
    const etcd = await stat(join(dir, 'bin', 'etcd'));
    expect(etcd.mode & 0o777).toBe(0o755);
    // Newer than any service that runs with the earlier one, whatever time upstream packed it.
    expect(Date.now() - etcd.mtimeMs).toBeLessThan(60_000);
  },
);

test('takes only the members that are wanted, to where and with the mode that is wanted', async () => {
  const result = await extract({ members: [{ path: 'etcd', to: 'deep/er/etcd-3', mode: 0o700 }] });
  expect(result.stdout).toBe(`${join(dir, 'bin', 'deep/er/etcd-3')}\n`);
  expect(await readdir(join(dir, 'bin'))).toEqual(['deep']);
  expect((await stat(join(dir, 'bin', 'deep/er/etcd-3'))).mode & 0o777).toBe(0o700);
});

test('replaces what is there and leaves the rest of the directory alone', async () => {
  await mkdir(join(dir, 'bin'), { mode: 0o750 });
  await writeFile(join(dir, 'bin', 'etcd'), 'old');
  await writeFile(join(dir, 'bin', 'of-the-user'), 'mine');
  await mkdir(join(dir, 'bin', '.kubexm-key'));
  await writeFile(join(dir, 'bin', '.kubexm-key', 'of-a-killed-run'), 'half');
  expect((await extract()).exitCode).toBe(0);
  expect(await readFile(join(dir, 'bin', 'etcd'), 'utf8')).toBe('binary');
  expect((await readdir(join(dir, 'bin'))).sort()).toEqual(['docs', 'etcd', 'latest', 'of-the-user']);
  expect((await stat(join(dir, 'bin'))).mode & 0o777).toBe(0o750);
});

test('another archive than the expected one is not touched', async () => {
  const result = await extract({}, 'f'.repeat(64));
  expect(result).toMatchObject({ exitCode: 65, stderr: `found sha256 ${sha256}\n` });
  await expect(stat(join(dir, 'bin'))).rejects.toThrow('ENOENT');
});

test('a member that is not in the archive is an error, and the staged files go', async () => {
  const result = await extract({ members: [{ path: 'etcdctl' }] });
  expect(result).toMatchObject({ exitCode: 66, stderr: 'etcdctl is not in the archive\n' });
  expect(await readdir(join(dir, 'bin'))).toEqual([]);
});

test('half an archive changes nothing that was there', async () => {
  await mkdir(join(dir, 'bin'));
  await writeFile(join(dir, 'bin', 'etcd'), 'old');
  const half = (await readFile(archive)).subarray(0, 100);
  await writeFile(archive, half);
  const result = await extract({}, createHash('sha256').update(half).digest('hex'));
  expect(result.exitCode).not.toBe(0);
  expect(await readFile(join(dir, 'bin', 'etcd'), 'utf8')).toBe('old');
  expect(await readdir(join(dir, 'bin'))).toEqual(['etcd']);
});
