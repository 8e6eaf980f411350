import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../local-step.fixture.js';
import { etcdHostLock } from './host-lock.js';

const run = promisify(execFile);

/** The lock as it is, in another directory and with less patience, before `then`. */
async function locking(directory: string, then: string, seconds = 300): Promise<string> {
  const lock = etcdHostLock.text.replaceAll('/run/kubexm', directory).replaceAll('300', `${seconds}`);
  return `${lock}\n${then}`;
}

test('a second part waits until the first has ended, also when the shell of the first was killed', async () => {
  const directory = await temporaryDirectory();
  const log = join(directory, 'log');
  // What the shell had started, as etcdutl, goes on without it.
  const first = spawn('sh', ['-c', await locking(directory, `(sleep 1; echo first >>${log}) & echo on; wait`)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(first.stdout, 'data');
  first.kill('SIGKILL');
  await run('sh', ['-c', await locking(directory, `echo second >>${log}`)]);
  expect(await readFile(log, 'utf8')).toBe('first\nsecond\n');
});

test('one that is too slow is named', async () => {
  const directory = await temporaryDirectory();
  const first = spawn('sh', ['-c', await locking(directory, 'echo on; read -r _')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await once(first.stdout, 'data');
  const second = run('sh', ['-c', await locking(directory, 'echo never', 1)]);
  await expect(second).rejects.toMatchObject({
    stdout: '',
    stderr: expect.stringMatching(new RegExp(`for 1 s: pid ${first.pid}, sh -c`)),
  });
  first.stdin.end();
});
