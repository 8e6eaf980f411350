import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fakeConnector, localConnector } from '../connector/index.js';
import { Secret } from '../secrets/index.js';
import { createRunner } from './runner.js';
import type { HostRunner } from './types.js';

const digestOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

let directory: string;
let runner: HostRunner;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubexm runner-'));
  runner = createRunner(localConnector('node-1'), { name: 'node-1', sudo: false });
});
afterAll(() => rm(directory, { recursive: true }));

/** A runner on a host that answers every command with this. */
function answering(result: { exitCode?: number; stdout?: string; stderr?: string }): HostRunner {
  return createRunner(fakeConnector({ replies: [[/./, result]] }), { name: 'node-1', sudo: false });
}

describe('stat', () => {
  const strange = ['with space', 'line\nbreak', "quote's", 'käse', '-dash', '$HOME', 'back\\slash', '*'];

  test('tells of any number of paths, however they are called', async () => {
    const paths = strange.map((name) => join(directory, 'strange', name));
    await mkdir(join(directory, 'strange'));
    await Promise.all(paths.map((path) => writeFile(path, path, { mode: 0o640 })));
    const missing = paths.map((path) => `${path}.missing`);
    const found = await runner.statMany([...paths, ...missing, ...paths], { sha256: true });
    expect([...found.keys()].sort()).toEqual([...paths].sort());
    for (const path of paths) {
      expect(found.get(path)).toMatchObject({ type: 'file', size: Buffer.byteLength(path), sha256: digestOf(path) });
    }
    const many = Array.from({ length: 2000 }, (_, index) => join(directory, 'strange', `missing\n${index}`));
    const foundOfMany = await runner.statMany([...many, ...paths], { sha256: true });
    expect([...foundOfMany.keys()].sort()).toEqual([...paths].sort());
    expect(foundOfMany.get(paths[1] ?? '')?.sha256).toBe(digestOf(paths[1] ?? ''));
    expect((await runner.statMany([])).size).toBe(0);
  });

  test('tells type, mode, owner and time, and where a link leads', async () => {
    const path = join(directory, 'link');
    await symlink('to nowhere\n', path);
    expect(await runner.stat(path, { sha256: true })).toMatchObject({ type: 'symlink', linkTarget: 'to nowhere\n' });
    const local = await stat(directory);
    const info = await runner.stat(directory, { sha256: true });
    expect(info).toMatchObject({ type: 'directory', mode: 0o700, path: directory });
    expect(info?.mtime).toBeCloseTo(local.mtimeMs / 1000, 2);
    expect(info?.sha256).toBeUndefined();
    expect(await runner.stat('/dev/null')).toMatchObject({ type: 'other', owner: 'root', group: 'root' });
  });

  test.each([
    ['no answer at all', { exitCode: 0 }],
    ['a denied directory', { exitCode: 1, stderr: "stat: cannot statx '/x': Permission denied\n" }],
    ['a killed shell', { exitCode: 137 }],
    ['no stat', { exitCode: 127, stderr: 'sh: 1: stat: not found\n' }],
    ['an answer cut off', { exitCode: 0, stdout: 's\x0081a4\x0012\x00ro' }],
    ['other output', { exitCode: 0, stdout: 'welcome!\x00\x00' }],
    ['a complaint about another', { exitCode: 1, stderr: "stat: cannot statx '/y': Input/output error\n" }],
  ])('throws on %s instead of calling the path missing', async (_, answer) => {
    await expect(answering(answer).stat('/x')).rejects.toThrow('cannot tell the state of /x on node-1');
  });
});

describe('reading', () => {
  test('gives the text to the letter, and undefined only for what is missing', async () => {
    const path = join(directory, 'read me');
    await writeFile(path, 'käse\n\n');
    expect(await runner.readFile(path)).toBe('käse\n\n');
    expect(await runner.readFile(`${path}.missing`)).toBeUndefined();
    await expect(runner.readFile(directory)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    const denied = answering({ exitCode: 1, stderr: 'cat: /x: Permission denied\n' });
    await expect(denied.readFile('/x')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});

describe('writing', () => {
  test('makes directories, sets the mode and leaves nothing else behind', async () => {
    const path = join(directory, 'made', 'for it', 'file');
    await writeFileTwice(path);
    expect(await readFile(path, 'utf8')).toBe("it's $new\n");
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect((await stat(join(directory, 'made'))).mode & 0o777).toBe(0o755);
    expect(await readdir(join(directory, 'made', 'for it'))).toEqual(['file']);
  });

  async function writeFileTwice(path: string): Promise<void> {
    await runner.writeFile(path, new Secret('old'), { mode: 0o600 });
    await runner.writeFile(path, "it's $new\n", { mode: 0o640 });
  }

  test('takes bytes as they are', async () => {
    const path = join(directory, 'bytes');
    const bytes = randomBytes(100_000);
    await runner.writeFile(path, bytes);
    expect(digestOf(await readFile(path))).toBe(digestOf(bytes));
  });

  test('replaces a link and not what it leads to; refuses a directory', async () => {
    const target = join(directory, 'target');
    const link = join(directory, 'link to target');
    await writeFile(target, 'untouched');
    await symlink(target, link);
    await runner.writeFile(link, 'own');
    expect(await readFile(target, 'utf8')).toBe('untouched');
    expect(await readFile(link, 'utf8')).toBe('own');
    await mkdir(join(directory, 'in the way'));
    await expect(runner.writeFile(join(directory, 'in the way'), 'x')).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
    });
    expect(await readdir(join(directory, 'in the way'))).toEqual([]);
  });

  test('removes what a killed run has left of the same target', async () => {
    const path = join(directory, 'again');
    const left = join(directory, '.again.kubexm-0badcafe');
    const others = join(directory, '.again2.kubexm-0badcafe');
    await writeFile(left, 'half');
    await writeFile(others, 'half');
    await runner.writeFile(path, 'whole');
    const names = await readdir(directory);
    expect(names).not.toContain('.again.kubexm-0badcafe');
    expect(names).toContain('.again2.kubexm-0badcafe');
  });

  test('a full disk is told with the path and the free space', async () => {
    const full = answering({ exitCode: 74, stderr: 'cat: write error: No space left on device\nkubexm-free 5120\n' });
    await expect(full.writeFile('/var/lib/x', 'content')).rejects.toMatchObject({
      code: 'HOST_DISK_FULL',
      message: 'no space left on node-1 for /var/lib/x (5 MiB free)',
    });
  });

  test.skipIf(process.getuid?.() !== 0)('sets the owner (skipped: only root may give files away)', async () => {
    const path = join(directory, 'owned');
    await runner.writeFile(path, 'x', { owner: 'nobody:root' });
    expect(await runner.stat(path)).toMatchObject({ owner: 'nobody', group: 'root', mode: 0o644 });
  });
});

describe('uploading', () => {
  test('streams, checks and sets the mode', async () => {
    const content = randomBytes(3_000_000);
    const source = join(directory, 'source');
    await writeFile(source, content);
    const target = join(directory, 'deep', 'target file');
    const seen: number[][] = [];
    await runner.upload(source, target, {
      sha256: digestOf(content),
      mode: 0o755,
      progress: (...all) => seen.push(all),
    });
    expect(digestOf(await readFile(target))).toBe(digestOf(content));
    expect((await stat(target)).mode & 0o777).toBe(0o755);
    expect(seen.at(-1)).toEqual([content.length, content.length]);
  });

  test('with another checksum leaves the old file alone', async () => {
    const source = join(directory, 'tampered');
    const target = join(directory, 'kept');
    await writeFile(source, 'tampered');
    await writeFile(target, 'old');
    await expect(runner.upload(source, target, { sha256: digestOf('expected') })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      details: [`expected ${digestOf('expected')}`, `on the host ${digestOf('tampered')}`],
    });
    expect(await readFile(target, 'utf8')).toBe('old');
    expect((await readdir(directory)).filter((name) => name.startsWith('.kept'))).toEqual([]);
  });

  test('what is missing here says so', async () => {
    const missing = runner.upload(join(directory, 'missing'), '/tmp/x', { sha256: '' });
    await expect(missing).rejects.toMatchObject({ code: 'FILE_MISSING' });
  });
});

describe('downloading and removing', () => {
  test('brings the file as it is, or says that there is none', async () => {
    const content = randomBytes(100_000);
    const source = join(directory, 'remote');
    await writeFile(source, content);
    const target = join(directory, 'fetched');
    const seen: number[][] = [];
    await runner.download(source, target, { mode: 0o644, progress: (...all) => seen.push(all) });
    expect(digestOf(await readFile(target))).toBe(digestOf(content));
    expect(seen.at(-1)).toEqual([content.length, content.length]);
    await expect(runner.download(`${source}.missing`, target)).rejects.toMatchObject({ code: 'FILE_MISSING' });
    expect(digestOf(await readFile(target))).toBe(digestOf(content));
  });

  test('removes files and trees, and what is missing already', async () => {
    const tree = join(directory, 'tree');
    await mkdir(join(tree, 'sub'), { recursive: true });
    await writeFile(join(tree, 'sub', 'file'), '');
    await chmod(join(tree, 'sub', 'file'), 0o400);
    await expect(runner.remove(tree)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    await runner.remove(tree, { recursive: true });
    await runner.remove(tree, { recursive: true });
    expect(await runner.stat(tree)).toBeUndefined();
  });

  test.each(['/', '//', '/etc/..', '.', ''])('never removes %s', async (path) => {
    // Nothing real behind it, should the guard ever be lost.
    await expect(answering({}).remove(path, { recursive: true })).rejects.toThrow('refused to remove');
  });
});
