import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { KubexmError } from '../errors/index.js';
import { createRedactor } from '../logger/index.js';
import { createCluster } from '../pipeline/index.js';
import { fakeHost } from '../runner/index.js';
import { type Secret, secretResolver } from '../secrets/index.js';
import { smallCluster } from '../task/plan-context.fixture.js';
import { assumedFacts } from './assumed-facts.js';
import { errorReport } from './error-report.js';
import { openRuntime } from './runtime.js';
import { secretsOfPlans } from './secret-source.js';
import { surveyHosts } from './survey.js';
import { templateReader } from './templates.js';

async function directory(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubexm-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

describe('templates', () => {
  test("the user's own file wins, all others are kubexm's", async () => {
    const read = templateReader(await directory({ 'own.txt': 'mine' }));
    expect(await read('own.txt')).toBe('mine');
    expect(await read('etcd/etcd.service')).toContain('[Service]');
  });

  test('one that nobody has is named with the places that were looked at', async () => {
    const own = await directory();
    await expect(templateReader(own)('none.txt')).rejects.toMatchObject({
      code: 'TEMPLATE_BROKEN',
      message: expect.stringContaining(own),
    });
  });
});

describe('secrets of plans', () => {
  const cluster = smallCluster({
    registry: { auths: { 'r.example': { username: 'puller', password: { env: 'REGISTRY_PASSWORD' } } } },
  });
  function source(env: NodeJS.ProcessEnv = {}) {
    const told: Secret[] = [];
    const resolver = secretResolver({ warn: () => {}, env });
    return { told, secret: secretsOfPlans({ cluster, resolver, onSecret: (each) => void told.push(each) }) };
  }

  test('a file, without the line feed at its end; whoever masks is told', async () => {
    const path = join(await directory({ token: 'abc\n' }), 'token');
    const { told, secret } = source();
    expect((await secret({ $secret: `file:${path}` })).reveal()).toBe('abc');
    expect(told.map((each) => each.reveal())).toEqual(['abc']);
  });

  test("a registry's login, as HTTP wants it", async () => {
    const { secret } = source({ REGISTRY_PASSWORD: 'pass:word' });
    const basic = (await secret({ $secret: 'registry-auth:r.example' })).reveal();
    expect(Buffer.from(basic, 'base64').toString()).toBe('puller:pass:word');
  });

  test.each(['file:/nowhere/token', 'registry-auth:other.example', 'vault:x'])('%s is missing', async ($secret) => {
    await expect(source().secret({ $secret })).rejects.toMatchObject({ code: 'SECRET_MISSING', retryable: false });
  });
});

describe('the report of an error', () => {
  const redact = (text: string) => text.replaceAll('hunter2', '***');

  test('has its causes, without what is secret', () => {
    const cause = new Error('read hunter2', { cause: new Error('EIO') });
    const error = new KubexmError('COMMAND_FAILED', 'no hunter2', { details: ['hunter2'], hint: 'use hunter2', cause });
    const report = errorReport(error, redact);
    expect(report).toMatchObject({ code: 'COMMAND_FAILED', message: 'no ***', hint: 'use ***' });
    expect(report.details).toEqual(expect.arrayContaining(['***', 'caused by: read ***', 'caused by: EIO']));
    expect(JSON.stringify(report)).not.toContain('hunter2');
  });

  test('of anything else is a bug with its place', () => {
    expect(errorReport(new TypeError('hunter2'), redact)).toMatchObject({
      code: 'INTERNAL',
      message: '***',
      details: [expect.stringContaining('runtime-parts.test'), ...Array<unknown>(4).fill(expect.any(String))],
    });
    expect(errorReport('a text', redact)).toMatchObject({ code: 'INTERNAL', message: 'a text' });
  });
});

test('the survey tells of the hosts that answer and of why others do not', async () => {
  const { facts, failures } = await surveyHosts({
    cluster: smallCluster(),
    pool: {
      runner: async (name) => {
        if (name === 'w1') throw new KubexmError('HOST_UNREACHABLE', 'w1: no route', { retryable: false });
        return fakeHost({ name });
      },
      close: () => Promise.resolve(),
    },
    limits: { perHost: 8, named: {} },
    emit: () => {},
    redact: (text) => text,
  });
  expect([...facts.keys()]).toEqual(['m1']);
  expect([...failures].map(([host, { code }]) => [host, code])).toEqual([['w1', 'HOST_UNREACHABLE']]);
});

test('hosts that nobody asked count as fresh machines only where that is wanted', async () => {
  const cluster = smallCluster({
    hosts: [
      { name: 'm1', address: '10.0.0.11' },
      { name: 'w1', address: '10.0.0.21', arch: 'arm64' },
    ],
  });
  const runtime = await openRuntime({
    cluster,
    cwd: await directory(),
    onNotice: () => {},
    redactor: createRedactor(),
  });
  onTestFinished(() => runtime.close());
  expect(runtime.planContext().facts.size).toBe(0);
  const assumed = runtime.planContext({ assumeFresh: true });
  expect(
    [...assumed.facts].map(([name, { arch, listening, leftovers }]) => [name, arch, listening, leftovers]),
  ).toEqual([
    ['m1', 'amd64', [], []],
    ['w1', 'arm64', [], []],
  ]);
  expect(assumedFacts({ name: 'm1' }).machineId).toBe('');
  expect(createCluster.plan(assumed).nodes.length).toBeGreaterThan(50);
});
