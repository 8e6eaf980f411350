import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { localConnector } from '../connector/index.js';
import { createRunner, type HostRunner } from '../runner/index.js';
import { lockCluster } from './cluster-lock.js';

/** Two "hosts" with real shells and a real flock; each is a directory. */
async function lab(names: readonly string[] = ['m1', 'm2']) {
  const base = await mkdtemp(join(tmpdir(), 'kubexm-lock-'));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const connectors: { close(): Promise<void> }[] = [];
  onTestFinished(async () => void (await Promise.allSettled(connectors.map((each) => each.close()))));

  /** A kubexm with connections of its own; `end` is what a kill does to them. */
  const operator = (on: readonly string[] = names, wrap = (host: HostRunner): HostRunner => host) => {
    const own = on.map((name) => {
      const connector = localConnector(name);
      connectors.push(connector);
      const runner = createRunner(connector, { name, sudo: false });
      // Each host has its own /run.
      const tryRun: HostRunner['tryRun'] = (command, options) =>
        runner.tryRun({ ...command, text: command.text.replaceAll(base, `${base}/${name}`) }, options);
      return { connector, host: wrap({ ...runner, name, tryRun }) };
    });
    const notices: string[] = [];
    return {
      notices,
      lock: (operation: string, { breakLock = false } = {}) =>
        lockCluster({
          hosts: own.map(({ host }) => host),
          operation,
          breakLock,
          directory: base,
          onNotice: (line) => void notices.push(line),
        }),
      end: () => Promise.all(own.map(({ connector }) => connector.close())),
    };
  };
  return { operator, base };
}

describe('the lock of a cluster', () => {
  test('is held by one: the second learns who that is, until the first has ended', async () => {
    const { operator } = await lab();
    const lock = await operator().lock('etcd backup');
    await expect(operator().lock('cluster create')).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringMatching(
        new RegExp(
          `\`kubexm etcd backup\` of ${userInfo().username} on ${hostname()} \\(pid ${process.pid}\\), since 20\\d\\d-.*Z$`,
        ),
      ),
      details: ['seen on m1'],
      hint: expect.stringContaining('--break-lock'),
    });
    await lock.release();
    await (await operator().lock('cluster create')).release();
  });

  test('is broken by the end of its holder alone, whatever number an earlier one has left', async () => {
    const { operator, base } = await lab(['m1']);
    const lock = await operator().lock('etcd backup');
    const innocent = spawn('sleep', ['60']);
    onTestFinished(() => void innocent.kill());
    await writeFile(join(base, 'm1', 'run.lock.pid'), `${innocent.pid}\n`);
    await expect(operator().lock('etcd restore', { breakLock: true })).rejects.toMatchObject({ code: 'LOCKED' });
    expect(innocent.exitCode ?? innocent.signalCode).toBeNull();
    await lock.release();
  });

  test('is held also where the other knows only some of the hosts', async () => {
    const { operator } = await lab();
    const lock = await operator(['m2']).lock('etcd defrag');
    await expect(operator().lock('cluster create')).rejects.toMatchObject({ details: ['seen on m2'] });
    await lock.release();
    // What the refused one had taken already, it has given back.
    await (await operator().lock('cluster create')).release();
  });

  test('goes to one of two that come at the same time', async () => {
    const { operator } = await lab();
    const answers = await Promise.allSettled([operator().lock('a'), operator().lock('b'), operator().lock('c')]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  test('falls with the connection of its holder, without being broken', async () => {
    const { operator } = await lab();
    const killed = operator();
    await killed.lock('cluster create');
    await killed.end();
    await (await operator().lock('cluster create')).release();
  });

  test('that is broken: its holder hears of it once, and the other one has it', async () => {
    const { operator } = await lab();
    const hung = operator();
    const lock = await hung.lock('cluster create');
    const taken = await operator().lock('etcd restore', { breakLock: true });
    await expect.poll(() => lock.lost.aborted).toBe(true);
    expect(lock.lost.reason).toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining('nothing new is started'),
    });
    await sleep(200);
    expect(hung.notices).toHaveLength(1);
    expect(taken.lost.aborted).toBe(false);
    await expect(operator().lock('x')).rejects.toMatchObject({ message: expect.stringContaining('etcd restore') });
    // The one that lost it takes nothing away from the other when it ends.
    await lock.release();
    await expect(operator().lock('x')).rejects.toMatchObject({ code: 'LOCKED' });
    await taken.release();
  });

  test('of a broken connection is taken again, unless another one has come first: that is never broken', async () => {
    const { operator } = await lab(['m1']);
    let cut = (): void => {};
    const flaky = operator(['m1'], (host) => ({
      ...host,
      tryRun: (command, options) => {
        const away = new AbortController();
        cut = () => away.abort();
        return host.tryRun(command, { ...options, signal: away.signal });
      },
    }));
    const lock = await flaky.lock('cluster create', { breakLock: true });
    cut();
    await sleep(1500);
    expect(lock.lost.aborted).toBe(false);
    await expect(operator().lock('x')).rejects.toMatchObject({ message: expect.stringContaining('cluster create') });
    cut();
    const other = await operator().lock('etcd backup');
    await expect.poll(() => lock.lost.aborted, { timeout: 6000 }).toBe(true);
    expect(lock.lost.reason).toMatchObject({ code: 'LOCKED', message: expect.stringContaining('etcd backup') });
    expect(other.lost.aborted).toBe(false);
    await other.release();
  }, 15_000);

  test('cannot be had where a host cannot say so: that is no free lock', async () => {
    const { operator } = await lab(['m1']);
    const odd = operator(['m1'], (host) => ({
      ...host,
      tryRun: () => Promise.resolve({ exitCode: 1, stdout: '', stderr: 'flock is not installed\n' }),
    }));
    await expect(odd.lock('cluster create')).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: 'm1: the lock of the cluster cannot be taken',
      details: ['flock is not installed'],
    });
  });
});
