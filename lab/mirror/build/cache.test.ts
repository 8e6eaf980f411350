import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cachedDirectory, directoryKey, removeUnfinished, withLock } from './cache.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kubexm-cache-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

test('a directory is made once', async () => {
  let made = 0;
  const make = async (directory: string) => {
    made += 1;
    await writeFile(join(directory, 'file'), 'content');
  };
  await cachedDirectory(join(root, 'a'), make);
  await cachedDirectory(join(root, 'a'), make);
  expect(made).toBe(1);
  expect(await readFile(join(root, 'a', 'file'), 'utf8')).toBe('content');
});

test('a failed build leaves nothing and is tried again', async () => {
  const failing = cachedDirectory(join(root, 'a'), async (directory) => {
    await writeFile(join(directory, 'half'), '');
    throw new Error('compiler said no');
  });
  await expect(failing).rejects.toThrow('compiler said no');
  expect(await readdir(root)).toEqual([]);
});

test('what a killed build left is removed, what is complete or under way stays', async () => {
  // Larger than any process id of Linux.
  await mkdir(join(root, 'etcd-1.unfinished-4194305'));
  const underWay = `etcd-2.unfinished-${process.pid}`;
  await mkdir(join(root, underWay));
  await mkdir(join(root, 'etcd-1'));
  await removeUnfinished(root);
  expect(await readdir(root)).toEqual(['etcd-1', underWay]);
  await removeUnfinished(join(root, 'nowhere'));
});

test('the key of a recipe changes with a file and with its name', async () => {
  await writeFile(join(root, 'go.mod'), 'module a');
  const before = await directoryKey(root);
  expect(await directoryKey(root)).toBe(before);
  await writeFile(join(root, 'go.mod'), 'module b');
  expect(await directoryKey(root)).not.toBe(before);
});

test('a lock lets one in at a time and is free again after a failure', async () => {
  const name = `test-${process.pid}-${Math.random()}`;
  const order: string[] = [];
  const first = withLock(
    name,
    () => undefined,
    async () => {
      order.push('first in');
      await new Promise((resolve) => setTimeout(resolve, 100));
      order.push('first out');
      throw new Error('failed inside');
    },
  );
  const second = withLock(
    name,
    () => order.push('second waits'),
    async () => order.push('second in'),
  );
  await expect(first).rejects.toThrow('failed inside');
  await second;
  expect(order).toEqual(['first in', 'second waits', 'first out', 'second in']);
});
