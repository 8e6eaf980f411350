import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { endsWithScenario, type ScenarioTools } from './tools.js';

/** How etcd served the writer for a while. */
export interface WriterPhase {
  readonly acknowledged: number;
  /** Writes without an answer in time, or with an error: each was tried again on the next endpoint, under a new number. */
  readonly failures: number;
  /** The longest time between two acknowledged writes, the beginning and the end included. */
  readonly gapMs: number;
}

export interface EtcdWriter {
  /** Write to these hosts from now on, such as the members after a change. */
  use(hosts: readonly string[]): void;
  /** What was written since the last call, or since the start. */
  phase(): WriterPhase;
  /** Does the work and prints how etcd served meanwhile. */
  during<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** Ends writing, once what is on its way has ended. Of all phases together. */
  stop(): Promise<WriterPhase>;
  /** After `stop`: reads everything back. Numbers that were acknowledged and are not there. */
  lost(): Promise<readonly number[]>;
  /** Stops, prints, and fails if an acknowledged write is lost or if fewer than 20 a second were acknowledged. */
  verify(): Promise<void>;
}

interface Phase {
  acknowledged: number;
  failures: number;
  gapMs: number;
}

/** A request that is not answered by then is tried on the next member. */
const patienceMs = 1000;

/**
 * Writes numbered keys one after the other, up to a hundred a second, through the members' own JSON gateway and with the
 * administrator's certificate. Only what was acknowledged counts; a write without an answer may be there or not.
 */
export async function startEtcdWriter(
  t: ScenarioTools,
  { hosts, cluster = 'lab', everyMs = 10 }: { hosts: readonly string[]; cluster?: string; everyMs?: number },
): Promise<EtcdWriter> {
  const certs = join(t.dir, '.kubexm', cluster, 'certs/etcd');
  const [ca = '', cert = '', key = ''] = await Promise.all(
    ['ca.pem', 'admin.pem', 'admin-key.pem'].map((name) => readFile(join(certs, name), 'utf8')),
  );
  const agent = new Agent({ keepAlive: true, ca, cert, key });
  const prefix = `kubexm-writer/${Date.now()}/`;
  const acknowledged: number[] = [];
  const startedAt = performance.now();
  let endpoints = urlsOf(t, hosts);
  let next = 0;
  let lastAt = startedAt;
  let stopped = false;
  let phase: Phase = { acknowledged: 0, failures: 0, gapMs: 0 };
  const total: Phase = { acknowledged: 0, failures: 0, gapMs: 0 };

  const noteGap = () => {
    const now = performance.now();
    for (const each of [phase, total]) each.gapMs = Math.max(each.gapMs, now - lastAt);
    return now;
  };
  const call = <T>(endpoint: string, path: string, body: unknown) => post<T>(agent, `${endpoint}${path}`, body);
  const loop = async () => {
    for (let number = 0; !stopped; number += 1) {
      const endpoint = endpoints[next % endpoints.length] ?? '';
      const body = { key: base64(keyOf(prefix, number)), value: base64(String(number)) };
      const answer = await call(endpoint, '/v3/kv/put', body);
      if (answer === undefined) {
        next += 1;
        for (const each of [phase, total]) each.failures += 1;
        await t.sleep(50);
        continue;
      }
      acknowledged.push(number);
      lastAt = noteGap();
      for (const each of [phase, total]) each.acknowledged += 1;
      await t.sleep(everyMs);
    }
  };
  let stoppedAt: number | undefined;
  const ended = loop();
  t.cleanup(async () => agent.destroy());
  endsWithScenario(t, ended, () => {
    stopped = true;
  });

  const writer: EtcdWriter = {
    use(names) {
      endpoints = urlsOf(t, names);
      next = 0;
    },
    phase() {
      if (!stopped) noteGap();
      const finished = phase;
      phase = { acknowledged: 0, failures: 0, gapMs: 0 };
      return finished;
    },
    async during(what, work) {
      writer.phase();
      const result = await work();
      const { acknowledged: count, failures, gapMs } = writer.phase();
      t.measure(what, `${count} writes acknowledged, ${failures} not; longest gap ${(gapMs / 1000).toFixed(2)} s`);
      return result;
    },
    async stop() {
      if (!stopped) {
        noteGap();
        stopped = true;
        stoppedAt = performance.now();
      }
      await ended;
      return total;
    },
    async lost() {
      const found = await numbersOf(
        (body) => call(endpoints[next % endpoints.length] ?? '', '/v3/kv/range', body),
        prefix,
      );
      return acknowledged.filter((number) => !found.has(number));
    },
    async verify() {
      const { acknowledged: count, failures, gapMs } = await writer.stop();
      const perSecond = count / (((stoppedAt ?? performance.now()) - startedAt) / 1000);
      const lost = await writer.lost();
      t.measure(
        'the writer',
        `${count} writes acknowledged (${perSecond.toFixed(0)} a second), ${failures} not; lost ${lost.length}; longest gap ${(gapMs / 1000).toFixed(2)} s`,
      );
      assert.deepEqual(lost.slice(0, 10), [], `${lost.length} acknowledged writes are lost`);
      assert.ok(perSecond >= 20, `only ${perSecond.toFixed(1)} writes a second were acknowledged`);
    },
  };
  await t.eventually('the writer writes', async () => acknowledged.length > 0, { timeoutMs: 20_000, everyMs: 100 });
  return writer;
}

function urlsOf({ hosts }: ScenarioTools, names: readonly string[]): string[] {
  return names.map((name) => {
    const host = hosts.find((each) => each.name === name);
    assert.ok(host, `the scenario has no host ${name}`);
    return `https://${host.address}:2379`;
  });
}

/** Every number that is there, a thousand keys at a time. */
async function numbersOf(
  range: (body: unknown) => Promise<{ readonly kvs?: readonly { key: string; value: string }[] } | undefined>,
  prefix: string,
): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  const end = base64(`${prefix}~`);
  for (let from = prefix; ; ) {
    const answer = await range({ key: base64(from), range_end: end, limit: '1000' });
    assert.ok(answer, 'etcd does not answer when everything is read back');
    const kvs = answer.kvs ?? [];
    for (const { key, value } of kvs) {
      const number = Number(text(value));
      assert.equal(text(key), keyOf(prefix, number), 'a key has the value that was written to it');
      found.add(number);
    }
    const last = kvs.at(-1);
    if (last === undefined) return found;
    from = `${text(last.key)}\0`;
  }
}

function keyOf(prefix: string, number: number): string {
  return `${prefix}${String(number).padStart(9, '0')}`;
}

/** The answer's JSON; undefined for an error, and where there is no answer in time. */
function post<T>(agent: Agent, url: string, body: unknown): Promise<T | undefined> {
  return new Promise((resolve) => {
    const content = JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) };
    const asked = request(url, { method: 'POST', agent, headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        answer += chunk;
      });
      response.on('end', () => {
        clearTimeout(timer);
        resolve(response.statusCode === 200 ? (JSON.parse(answer) as T) : undefined);
      });
      response.on('error', () => resolve(undefined));
    });
    const timer = setTimeout(() => asked.destroy(), patienceMs);
    asked.on('error', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    asked.on('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    asked.end(content);
  });
}

function base64(plain: string): string {
  return Buffer.from(plain).toString('base64');
}

function text(encoded: string): string {
  return Buffer.from(encoded, 'base64').toString('utf8');
}
