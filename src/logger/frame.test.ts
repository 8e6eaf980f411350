import { expect, test } from 'vitest';
import type { EngineEvent } from '../engine/events.js';
import { renderFrame } from './frame.js';
import { advance, emptyProgress } from './progress.js';
import { changed, jobActing, jobFinished, jobProgress, jobStarted, runStarted, startedAt } from './recorded-events.js';
import { createStyle } from './style.js';

const plain = createStyle(false);

function frameAfter(
  events: readonly EngineEvent[],
  { after, columns = 100, rows = 24 }: { after: number; columns?: number; rows?: number },
): string[] {
  const run = emptyProgress();
  for (const event of events) advance(run, event);
  return renderFrame(run, startedAt + after, { columns, rows }, plain);
}

const upload: readonly EngineEvent[] = [
  runStarted,
  jobStarted('create-cluster/a', 'w1', 0, 'Upload containerd.tar.gz'),
  jobActing('create-cluster/a', 'w1', 10),
  jobProgress('create-cluster/a', 'w1', 1000, 10_000_000, 40_000_000),
  jobProgress('create-cluster/a', 'w1', 2000, 20_000_000, 40_000_000),
  jobStarted('create-cluster/b', 'm1', 0, 'Start etcd'),
  jobActing('create-cluster/b', 'm1', 10),
  jobFinished('create-cluster/c', 'm1', 1500, 'Write a file', changed),
];

test('shows the run, then what each host does, hosts in the order of the plan', () => {
  const [header, first, second] = frameAfter(upload, { after: 2000 });
  expect(header).toMatch(/^create-cluster ━+─+ 16% · 1\/6 jobs · 1 changed · 0:02$/);
  expect(first).toMatch(/^ {2}m1 +Start etcd +2\.0s$/);
  expect(second).toMatch(/^ {2}w1 +Upload containerd\.tar\.gz .*50% {2}20\.0 MB of 40\.0 MB {2}10\.0 MB\/s {2}2\.0s$/);
});

test('every line fits, however narrow the terminal', () => {
  for (const columns of [10, 20, 40, 60, 80, 120, 200]) {
    for (const line of frameAfter(upload, { after: 2000, columns }))
      expect(line.length, `${columns} columns`).toBeLessThanOrEqual(columns);
  }
});

test('with more jobs than rows every host keeps one, and the rest is counted', () => {
  const events: EngineEvent[] = [{ ...runStarted, hosts: ['m1', 'w1'] } as EngineEvent];
  for (let index = 0; index < 20; index += 1)
    events.push(jobStarted(`n${index}`, 'm1', 0, `Job ${index}`), jobActing(`n${index}`, 'm1', 0));
  events.push(jobStarted('n', 'w1', 0, 'Lonely'), jobActing('n', 'w1', 0));
  const lines = frameAfter(events, { after: 1000, rows: 8 });
  expect(lines.length).toBeLessThanOrEqual(8);
  expect(lines.join('\n')).toContain('Lonely');
  expect(lines.at(-1)).toBe('  and 17 more jobs at work');
});

test('a precheck shows only once it takes long', () => {
  const events = [runStarted, jobStarted('create-cluster/a', 'm1', 0, 'Look')];
  expect(frameAfter(events, { after: 100 })).toHaveLength(1);
  expect(frameAfter(events, { after: 900 })[1]).toContain('check: Look');
});

test('the rate is that of the last seconds', () => {
  const run = emptyProgress();
  const node = 'create-cluster/a';
  for (const event of [runStarted, jobStarted(node, 'm1', 0, 'Upload')]) advance(run, event);
  for (let second = 0; second <= 10; second += 1)
    advance(run, jobProgress(node, 'm1', second * 1000, second < 5 ? second * 10 : 50 + (second - 5) * 100));
  expect([...run.active.values()][0]?.progress?.rate).toBeCloseTo(100);
});
