import { expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { isServiceActive } from './active.js';

const step = isServiceActive({ service: 'etcd', waitMs: 300, stableMs: 1000 });
const journal = [/^journalctl -u etcd.service/, 'panic: no such disk\n'] as const;

/** For how many seconds etcd is active, ask by ask; the last answer stays. */
function activeFor(...seconds: number[]): readonly [RegExp, FakeAnswer] {
  let asked = 0;
  return [
    /^cat \/proc\/uptime/,
    () => {
      const now = seconds[Math.min(asked++, seconds.length - 1)] ?? 0;
      return `${(500.25 + now).toFixed(2)} 1.00\nActiveEnterTimestampMonotonic=500250000\n`;
    },
  ];
}

test('one that has been active for long enough is so', async () => {
  const trial = hostTrial({ services: { etcd: { active: 'active' } }, commands: [activeFor(1)] });
  expect(await trial.precheck(step)).toEqual({ state: 'satisfied', because: 'is active' });
});

test('one that was just started is watched for a while', async () => {
  const trial = hostTrial({ services: { etcd: { active: 'active' } }, commands: [activeFor(0, 0.5, 0.9, 1.2)] });
  const { first, again } = await trial.play(step);
  expect(first).toMatchObject({ state: 'needed', because: 'is active for only 0 ms' });
  expect(again).toEqual({ state: 'satisfied', because: 'is active' });
});

test('one that takes its time is waited for', async () => {
  const trial = hostTrial({ services: { etcd: { active: 'activating' } }, commands: [activeFor(2)] });
  const state = trial.host.services.get('etcd.service');
  setTimeout(() => state && trial.host.services.set('etcd.service', { ...state, active: 'active' }), 300);
  expect((await trial.play(step)).again?.state).toBe('satisfied');
});

test('one that starts again and again is told with what it wrote last', async () => {
  const trial = hostTrial({ services: { etcd: { active: 'active' } }, commands: [activeFor(0.5, 0.2, 0.4), journal] });
  await expect(trial.play(step)).rejects.toMatchObject({
    code: 'WAIT_TIMEOUT',
    message: 'node-1: etcd.service keeps starting again',
    details: ['panic: no such disk'],
    hint: 'on node-1: journalctl -u etcd.service -n 100 --no-pager',
  });
});

test('one that failed is not waited for', async () => {
  const trial = hostTrial({ services: { etcd: { active: 'failed' } }, commands: [journal] });
  await expect(trial.play(step)).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
    message: 'node-1: etcd.service is failed',
    details: ['panic: no such disk'],
  });
});

test('an answer that is cut off is an error', async () => {
  const trial = hostTrial({ services: { etcd: { active: 'active' } }, commands: [[/^cat/, '']] });
  const half = hostTrial({ services: { etcd: { active: 'active' } }, commands: [[/^cat/, '500.25 1.00\n']] });
  await expect(trial.precheck(step)).rejects.toThrow('cannot read since when etcd.service is active');
  await expect(half.precheck(step)).rejects.toThrow('cannot read since when etcd.service is active');
});
