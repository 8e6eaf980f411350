import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { localConnector } from '../../connector/index.js';
import { createRunner, type HostRunner } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { checkDiskLatency } from './disk-latency.js';

const said = (ms: number, times: number) => `2300 bytes (2.3 kB) copied, ${ms / 1000} s, 1.2 MB/s\n`.repeat(times);
const trialOf = (stdout: string) => hostTrial({ commands: [[/dd if=\/dev\/zero/, stdout]] });
const step = checkDiskLatency({ directory: '/var/lib/etcd' });

describe('the disk for etcd', () => {
  test('is fast enough at 10 ms in 99 of 100 writes', async () => {
    const trial = trialOf(said(0.8, 119) + said(300, 1));
    expect(await trial.precheck(step)).toEqual({ state: 'satisfied', because: '0.8 ms for a synced write (p99)' });
    expect(trial.logs).toEqual([]);
  });

  test.each([
    ['more often slow', said(0.8, 110) + said(25, 10), /needs 25 ms .*etcd wants 10 ms/],
    ['so slow that the time was over', said(9, 5), /p99 of 5/],
  ])('is warned of where it is %s', async (_what, stdout, warning) => {
    const trial = trialOf(stdout);
    expect((await trial.precheck(step)).state).toBe('satisfied');
    expect(trial.logs).toEqual([expect.stringMatching(warning)]);
  });
});

describe('with a real disk', () => {
  async function measured(prepare: (directory: string) => Promise<unknown>) {
    const base = await mkdtemp(join(tmpdir(), 'kubexm-disk-'));
    const connector = localConnector('m1');
    onTestFinished(async () => {
      await connector.close();
      await rm(base, { recursive: true, force: true });
    });
    await prepare(base);
    const runner = createRunner(connector, { name: 'm1', sudo: false });
    const own = hostTrial();
    const host: HostRunner = { ...own.ctx.host, tryRun: (command, options) => runner.tryRun(command, options) };
    const answer = await checkDiskLatency({ directory: join(base, 'var/lib/etcd') }).precheck({ ...own.ctx, host });
    return { because: answer.because, left: await readdir(base) };
  }

  test('it is measured where the directory will be, and nothing is left', async () => {
    const { because, left } = await measured((base) => mkdir(join(base, 'var')));
    expect(because).toMatch(/ ms for a synced write \(p99\)$/);
    expect(left).toEqual(['var']);
  });

  test('one that has data of etcd is left alone', async () => {
    const { because } = await measured((base) => mkdir(join(base, 'var/lib/etcd/member'), { recursive: true }));
    expect(because).toBe('there is nothing to measure');
  });
});
