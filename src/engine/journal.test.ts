import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { draft, sameHost } from '../plan/index.js';
import { type EngineEvent, type JobTools, openJournal, readJournal, summarise } from './index.js';
import { HOSTS, quiet, start, toyStep } from './toy-run.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function writeRun(path: string): Promise<readonly EngineEvent[]> {
  const journal = openJournal(path);
  const g = draft<JobTools>('d');
  const one = g.add('one', HOSTS, toyStep());
  g.add(
    'two',
    HOSTS,
    toyStep({
      run: ({ host }) => (host === 'b' ? Promise.reject(new Error('broken')) : Promise.resolve()),
      recheck: false,
    }),
    { after: sameHost(one) },
  );
  const { events, result } = start(g.done(), { emit: journal.write });
  await result;
  journal.close();
  return events;
}

describe('the journal', () => {
  it('gives back what was written', async () => {
    const path = join(folder, 'journal.jsonl');
    const events = await writeRun(path);
    const content = await readJournal(path);
    expect(content).toMatchObject({
      events,
      tornLines: 0,
      summary: { state: 'failed', inFlight: [], totals: { changed: 5, failed: 1 } },
    });
    expect(content.summary.failures).toMatchObject([
      { node: 'd/two', host: 'b', phase: 'run', error: { message: 'broken' } },
    ]);
    expect(content.summary.durations.map(({ node, jobs }) => [node, jobs])).toEqual([
      ['d/one', 3],
      ['d/two', 3],
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('can be read wherever it was torn', async () => {
    const path = join(folder, 'journal.jsonl');
    const events = await writeRun(path);
    const whole = readFileSync(path);
    const torn = join(folder, 'torn.jsonl');
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(torn, whole.subarray(0, length));
      const content = await readJournal(torn);
      expect(content.tornLines).toBeLessThanOrEqual(1);
      expect(content.events).toEqual(events.slice(0, content.events.length));
      expect(content.summary.state).toBe('unfinished');
    }
  });

  it('goes on behind a torn line', async () => {
    const path = join(folder, 'journal.jsonl');
    writeFileSync(path, '{"type":"run-started","at":1,"gra');
    const events = await writeRun(path);
    const content = await readJournal(path);
    expect([content.tornLines, content.events]).toEqual([1, events]);
  });

  it('passes over lines that are no events', async () => {
    const path = join(folder, 'journal.jsonl');
    const events = await writeRun(path);
    appendFileSync(path, 'null\n"text"\n{"type":1,"at":2}\n\n');
    const content = await readJournal(path);
    expect([content.tornLines, content.events.length]).toEqual([3, events.length]);
  });

  it('leaves progress out, and refuses what comes after its end', async () => {
    const path = join(folder, 'journal.jsonl');
    const journal = openJournal(path);
    journal.write({ type: 'job-progress', at: 1, node: 'x', host: 'a', done: 1, unit: 'bytes' });
    journal.write({ type: 'run-stopping', at: 2, how: 'drain' });
    await quiet();
    journal.write({ type: 'run-stopping', at: 3, how: 'abort' });
    journal.close();
    journal.close();
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(2);
    expect(() => journal.write({ type: 'run-stopping', at: 4, how: 'abort' })).toThrow('is closed');
  });
});

describe('the summary', () => {
  const job = { node: 'x', host: 'a', kind: 'toy', title: 'Do it' };
  const started: EngineEvent = {
    type: 'run-started',
    at: 10,
    graph: 'g',
    mode: 'apply',
    jobs: 2,
    nodes: 1,
    hosts: ['a'],
  };

  it('names jobs that began to act and never ended', () => {
    const events: EngineEvent[] = [
      started,
      { type: 'job-started', at: 11, ...job },
      { type: 'job-acting', at: 12, node: 'x', host: 'a', because: 'missing', attempt: 1 },
    ];
    expect(summarise(events)).toMatchObject({
      graph: 'g',
      state: 'unfinished',
      ms: 2,
      inFlight: [{ node: 'x', host: 'a', title: 'Do it', because: 'missing', since: 12 }],
    });
  });

  it('speaks of the last run only', () => {
    const finished: EngineEvent = {
      type: 'job-finished',
      at: 20,
      ms: 9,
      ...job,
      outcome: { state: 'changed', because: '' },
    };
    expect(summarise([started, finished, { ...started, at: 30 }])).toMatchObject({
      durations: [],
      totals: { jobs: 2, changed: 0 },
    });
    expect(summarise([started, finished]).durations).toEqual([
      { node: 'x', jobs: 1, wall: 9, work: 9, slowest: { host: 'a', ms: 9 } },
    ]);
    expect(summarise([])).toMatchObject({ graph: undefined, state: 'unfinished', ms: 0 });
  });
});
