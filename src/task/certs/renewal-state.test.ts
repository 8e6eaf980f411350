import { expect, test } from 'vitest';
import type { Json } from '../../plan/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { readRenewals, renewalProblems } from './renewal-state.js';

const on = planContext(smallCluster({ certs: { autoRenew: { enabled: true } } }));

function problems(data: Json): readonly string[] {
  return renewalProblems(on, { reports: [{ report: 'certs:renewal', host: 'm1', data }], failures: [] });
}

test('hosts are asked where they are to renew by themselves, and only there', () => {
  const hosts = (ctx: typeof on) =>
    [...readRenewals.plan(ctx).nodes.values()].flatMap(({ jobs }) => jobs.map(({ host }) => host));
  expect(hosts(on)).toEqual(['m1']);
  expect(hosts(planContext(smallCluster()))).toEqual([]);
});

test.each([
  ['one that has not run yet', { timer: 'active', isRunning: false }],
  ['one that is at work', { timer: 'active', isRunning: true, last: { time: 'T', state: 'running', said: '' } }],
  ['one that ended well', { timer: 'active', isRunning: false, last: { time: 'T', state: 'done', said: 'none' } }],
])('%s is no problem', (_what, data) => {
  expect(problems(data)).toEqual([]);
});

test('a timer that is gone, a run that failed and one that was killed are', () => {
  expect(problems({ timer: 'absent', isRunning: false })).toEqual([expect.stringContaining('no timer renews')]);
  const failed = { time: '2026-01-01T00:00:00Z', state: 'failed', said: 'not all apiservers serve' };
  expect(problems({ timer: 'active', isRunning: false, last: failed })).toEqual([
    'the renewal by time of 2026-01-01T00:00:00Z failed on m1: not all apiservers serve; on m1: journalctl -u kubexm-certs-renew',
  ]);
  const killed = { ...failed, state: 'running', said: '' };
  expect(problems({ timer: 'active', isRunning: false, last: killed })[0]).toContain('failed on m1: it was ended');
});
