import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { localConnector } from '../../connector/index.js';
import { createRunner } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { moveEtcdDataAside } from './members-data.js';

test.each([
  ['all is there', ['data/member', 'wal']],
  ['a run was killed after it had moved the data, and before the log', ['wal']],
])('data and a log of its own directory are both moved, where %s', async (_, there) => {
  const base = await mkdtemp(join(tmpdir(), 'kubexm-aside-'));
  const connector = localConnector('m1');
  onTestFinished(async () => {
    await connector.close();
    await rm(base, { recursive: true, force: true });
  });
  for (const path of there) await mkdir(join(base, path), { recursive: true });
  const ctx = { ...hostTrial().ctx, host: createRunner(connector, { name: 'm1', sudo: false }) };
  await moveEtcdDataAside(ctx, { dataDir: join(base, 'data'), walDir: join(base, 'wal') }, 'stale');
  const left = await readdir(base);
  expect(left.every((name) => name.includes('.stale-'))).toBe(true);
  expect(left).toHaveLength(there.length);
});
