import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { alive } from '../../hosts/process-id.js';
import { answers, endProcess, startDetached, waitUntilAnswering } from './detached.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kubexm-detached-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

test('a started process is ended, and ending it again does nothing', async () => {
  const started = await startDetached('sleep', ['60'], { logFile: join(root, 'log') });
  expect(await alive(started)).toBe(true);
  await endProcess(started);
  expect(await alive(started)).toBe(false);
  await endProcess(started);
});

test('a process with the same id that somebody else started is left alone', async () => {
  const started = await startDetached('sleep', ['60'], { logFile: join(root, 'log') });
  await endProcess({ ...started, startTime: 1 });
  expect(await alive(started)).toBe(true);
  await endProcess(started);
});

test('a server that ends at once is reported with what it wrote', async () => {
  const logFile = join(root, 'log');
  const started = await startDetached('sh', ['-c', 'sleep 0.2; echo port is taken >&2; exit 1'], { logFile });
  await expect(waitUntilAnswering('http://127.0.0.1:9', started, logFile)).rejects.toMatchObject({
    code: 'LAB_FAILED',
    details: ['port is taken'],
  });
  expect(await answers('http://127.0.0.1:9')).toBe(false);
});

test('a program that is not there is named', async () => {
  await expect(startDetached('/nowhere/server', [], { logFile: join(root, 'log') })).rejects.toThrow('/nowhere/server');
});
