import { expect, test } from 'vitest';
import type { EngineEvent, JobOutcome } from '../../engine/index.js';
import { createStyle } from '../../logger/index.js';
import { driftOf, formatDrift, hasNoDrift } from './drift.js';

const finished = (host: string, title: string, outcome: JobOutcome): EngineEvent => ({
  type: 'job-finished',
  at: 0,
  ms: 1,
  node: `create-cluster/${title.toLowerCase()}`,
  host,
  kind: 'toy',
  title,
  outcome,
});

test('what would change is drift, by host; what could not be looked at is told and not taken for equal', () => {
  const drift = driftOf([
    finished('m1', 'Write /etc/containerd/config.toml', { state: 'would-change', because: 'content differs' }),
    finished('m1', 'Restart containerd', { state: 'waits', because: 'Write /etc/containerd/config.toml' }),
    finished('w1', 'Label w1', { state: 'would-change', because: 'pool is missing' }),
    finished('w1', 'Load br_netfilter', { state: 'satisfied', because: 'loaded' }),
    finished('w2', 'Label w2', {
      state: 'failed',
      phase: 'precheck',
      error: { code: 'COMMAND_FAILED', message: 'w2: no answer', details: [] },
    }),
  ]);
  expect(formatDrift(drift, createStyle(false))).toBe(
    [
      'Drift: 2 differences from the cluster file',
      '  m1',
      '    Write /etc/containerd/config.toml: content differs',
      '  w1',
      '    Label w1: pool is missing',
      '  ✖ w2: no answer',
      '  1 check more depend on these: what they find then is not known',
    ].join('\n'),
  );
  expect(hasNoDrift(drift)).toBe(false);
});

test('no difference is only said where everything was compared', () => {
  const same = finished('m1', 'Label m1', { state: 'satisfied', because: 'as wanted' });
  const waits = finished('m1', 'Label m1', { state: 'waits', because: 'Join m1' });
  expect(hasNoDrift(driftOf([same]))).toBe(true);
  expect(formatDrift(driftOf([same]), createStyle(false))).toMatch(/^Drift: none/);
  expect(hasNoDrift(driftOf([waits]))).toBe(false);
});
