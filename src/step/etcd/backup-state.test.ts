import { expect, test } from 'vitest';
import type { Json } from '../../plan/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { readBackupState } from './backup-state.js';

const snapshot = {
  writtenBy: 'kubexm',
  kind: 'schedule',
  name: 'etcd-demo-20260101T000000Z-rev7',
  cluster: 'demo',
  revision: 7,
  size: 100,
  sha256: 'aa',
  time: '2026-01-01T00:00:00Z',
};

async function answerTo(stdout: string, digests = false): Promise<Json | undefined> {
  const trial = hostTrial({ commands: [[/@@snapshots/, stdout]] });
  let found: Json | undefined;
  const ctx = { ...trial.ctx, log: (_level: string, _name: string, data?: Json) => void (found = data) };
  await readBackupState({ report: 'r', cluster: 'demo', dir: '/b', digests }).precheck(ctx);
  return found;
}

const lines = (timer: string, service: string, snapshots: string, state = '') =>
  `@@state\n${state}@@timer\n${timer}\n@@service\n${service}\n@@snapshots\n${snapshots}`;

test('a host with a timer that succeeded tells when, and which snapshots are whole', async () => {
  const state = '{"time":"2026-01-01T00:00:00Z","revision":7,"file":"/b/x.db"}\n';
  const found = await answerTo(
    lines(
      'LoadState=loaded\nActiveState=active\nNextElapseUSecRealtime=Fri 2026-01-02 00:00:00 UTC',
      'Result=success\nExecMainStartTimestampMonotonic=12345',
      `100|aa|${JSON.stringify(snapshot)}\n99||${JSON.stringify({ ...snapshot, name: 'short' })}\n100||${JSON.stringify({ ...snapshot, cluster: 'other' })}\n5||{}\n`,
      state,
    ),
  );
  expect(found).toEqual({
    timer: 'active',
    next: 'Fri 2026-01-02 00:00:00 UTC',
    lastResult: 'success',
    lastSuccess: { time: '2026-01-01T00:00:00Z', revision: 7, file: '/b/x.db' },
    snapshots: [
      { ...snapshot, path: '/b/etcd-demo-20260101T000000Z-rev7.db', intact: true },
      { ...snapshot, name: 'short', path: '/b/short.db', intact: false },
    ],
  });
});

test('a host without a timer has no last run, though systemd calls it a success', async () => {
  const never = 'Result=success\nExecMainStartTimestampMonotonic=0';
  expect(
    await answerTo(lines('LoadState=not-found\nActiveState=inactive\nNextElapseUSecRealtime=', never, '')),
  ).toEqual({
    timer: 'absent',
    snapshots: [],
  });
});

test.each([
  ['aa', true],
  ['bb', false],
  ['', false],
])('with digests the file that has %j is whole: %s', async (sha256, intact) => {
  const found = await answerTo(lines('', '', `100|${sha256}|${JSON.stringify(snapshot)}\n`), true);
  expect(found).toMatchObject({ snapshots: [{ intact }] });
});
