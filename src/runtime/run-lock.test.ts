import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lockRuns } from './run-lock.js';

async function workDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kubexm-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const owner = (values: object) =>
  JSON.stringify({ pid: process.pid, host: hostname(), user: 'someone', since: '2026-01-01T00:00:00.000Z', ...values });

test('a second run is told who holds the lock, and gets it afterwards', async () => {
  const dir = await workDir();
  const unlock = await lockRuns(dir);
  await expect(lockRuns(dir)).rejects.toMatchObject({
    code: 'LOCKED',
    exitCode: 4,
    message: expect.stringContaining(`pid ${process.pid}`),
  });
  await unlock();
  await (await lockRuns(dir))();
});

test.each([
  ['a process that is gone', owner({ pid: 2 ** 22 + 1 })],
  ['a process whose number is used again', owner({ startedAt: 'another boot 1' })],
  ['a text that was torn by a crash', '{"pid":'],
  ['an empty file', ''],
])('the lock of %s is taken over', async (_, text) => {
  const dir = await workDir();
  await writeFile(join(dir, 'run.lock'), text);
  const unlock = await lockRuns(dir);
  await expect(lockRuns(dir)).rejects.toMatchObject({ code: 'LOCKED' });
  await unlock();
  expect(await readdir(dir)).toEqual([]);
});

test('the lock of another machine is never taken over', async () => {
  const dir = await workDir();
  await writeFile(join(dir, 'run.lock'), owner({ pid: 2 ** 22 + 1, host: 'elsewhere' }));
  await expect(lockRuns(dir)).rejects.toMatchObject({ code: 'LOCKED' });
});

test('the lock of a dead owner whose heir died too is taken over', async () => {
  const dir = await workDir();
  await writeFile(join(dir, 'run.lock'), owner({ pid: 2 ** 22 + 1 }));
  await lockRuns(dir);
  const [heir = ''] = (await readdir(dir)).filter((name) => name.includes('after'));
  await writeFile(join(dir, heir), owner({ pid: 2 ** 22 + 2 }));
  const unlock = await lockRuns(dir);
  await expect(lockRuns(dir)).rejects.toMatchObject({ code: 'LOCKED' });
  await unlock();
  expect(await readdir(dir)).toEqual([]);
});

test('of many that find a dead owner at once, one gets the lock', async () => {
  const dir = await workDir();
  await writeFile(join(dir, 'run.lock'), owner({ pid: 2 ** 22 + 1 }));
  const tried = await Promise.allSettled(Array.from({ length: 8 }, () => lockRuns(dir)));
  expect(tried.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});
