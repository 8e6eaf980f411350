import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { EngineEvent } from '../engine/events.js';
import { Secret } from '../secrets/index.js';
import { linesReader } from './lines.js';
import { ndjsonTo } from './ndjson.js';
import { combineReaders, type EventReader } from './reader.js';
import { failingRun, jobFinished, runStarted, satisfiedRun, startedAt } from './recorded-events.js';
import { createRedactor } from './redactor.js';
import { runLogReader } from './run-log.js';
import { screenReader } from './screen.js';
import { createStyle } from './style.js';

const style = createStyle(false);
const redactor = createRedactor();

function sink() {
  const written: string[] = [];
  return { write: (text: string) => void written.push(text), text: () => written.join('') };
}

function feed(reader: EventReader, events: readonly EngineEvent[]): void {
  for (const event of events) reader.read(event);
  reader.close();
}

test('lines: what changed and failed, equal changes of several hosts in one line', () => {
  const out = sink();
  feed(linesReader({ out, style, redactor }), failingRun);
  expect(out.text()).toBe(
    [
      'create-cluster: 6 jobs on 2 hosts',
      '   1.5s ! warning  m1  clock is 3 s ahead  infrastructure/install-etcd/upload',
      '   2.2s ✔ changed  m1, w1  Upload /etc/etcd/etcd.yaml (content differs, 1.2s)  infrastructure/install-etcd/upload',
      '   3.4s ✖ failed   w1  Extract etcd: tar on w1 ended with exit code 2 (1.2s)  infrastructure/install-etcd/extract',
      'create-cluster: failed in 3.5s: 2 changed, 2 already as wanted, 1 failed, 1 not started',
      '',
    ].join('\n'),
  );
});

test('lines: a run that changes nothing prints a handful of lines', () => {
  const out = sink();
  feed(linesReader({ out, style, redactor }), satisfiedRun);
  expect(out.text()).toBe('create-cluster: 6 jobs on 2 hosts\ncreate-cluster: done in 700ms: 6 already as wanted\n');
});

test('lines: Ctrl-C names what still runs', () => {
  const out = sink();
  feed(linesReader({ out, style, redactor }), [
    ...failingRun.slice(0, 5),
    { type: 'run-stopping', at: startedAt + 1200, how: 'drain' },
  ]);
  expect(out.text()).toContain(
    'still running: m1: Upload /etc/etcd/etcd.yaml, w1: Upload /etc/etcd/etcd.yaml. Ctrl-C again aborts them.',
  );
});

test('screen: hides the cursor, gives it back, and leaves no frame behind', () => {
  const out = sink();
  const before = process.listenerCount('exit');
  feed(screenReader({ terminal: { ...out, columns: 100, rows: 24 }, style, redactor }), failingRun);
  expect(out.text().startsWith('\u001b[?25l')).toBe(true);
  expect(out.text().endsWith('\u001b[?25h')).toBe(true);
  expect(out.text()).toContain('✖ failed   w1  Extract etcd');
  expect(out.text()).not.toContain('━');
  expect(process.listenerCount('exit')).toBe(before);
});

test('screen: at most ten frames a second', () => {
  vi.useFakeTimers();
  try {
    const writes: string[] = [];
    const reader = screenReader({
      terminal: { write: (text: string) => void writes.push(text), columns: 100, rows: 24 },
      style,
      redactor,
    });
    reader.read(runStarted);
    for (let index = 0; index < 5000; index += 1)
      reader.read(jobFinished(`n${index}`, 'm1', index, 'x', { state: 'satisfied', because: '' }));
    vi.advanceTimersByTime(1000);
    expect(writes.length).toBeLessThanOrEqual(11);
    reader.close();
  } finally {
    vi.useRealTimers();
  }
});

test('ndjson: one event a line, secrets masked, still valid JSON', () => {
  const out = sink();
  const masked = createRedactor();
  masked.add(new Secret('hunter"2secret'));
  const event: EngineEvent = {
    type: 'job-log',
    at: startedAt,
    node: 'n',
    host: 'm1',
    level: 'info',
    message: 'token hunter"2secret',
  };
  feed(ndjsonTo('-', { standardOutput: out, redactor: masked }), [event]);
  expect(JSON.parse(out.text())).toEqual({ ...event, message: 'token ***' });
});

test('run log: JSON lines with level and time, private to its owner, without progress', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'kubexm-log-')), 'runs', 'run.log');
  feed(runLogReader({ path, redactor }), failingRun);
  const lines = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: string; time: string; message: string });
  expect(lines).toHaveLength(failingRun.length);
  expect(lines[0]).toMatchObject({ level: 'info', time: '2023-11-14T22:13:20.000Z', graph: 'create-cluster' });
  expect(lines.filter((line) => line.level === 'error').map((line) => line.message)).toEqual([
    'failed: Extract etcd',
    'failed',
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a reader that breaks is left out, and the others read on', () => {
  const seen: string[] = [];
  const broken: unknown[] = [];
  const bad: EventReader = {
    read: () => {
      throw new Error('disk full');
    },
    close: () => {},
  };
  const good: EventReader = { read: (event) => void seen.push(event.type), close: () => {} };
  feed(
    combineReaders([bad, good], (error) => broken.push(error)),
    satisfiedRun,
  );
  expect(seen).toHaveLength(satisfiedRun.length);
  expect(broken).toHaveLength(1);
});
