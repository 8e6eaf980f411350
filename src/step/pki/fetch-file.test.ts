import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { fetchFile } from './fetch-file.js';

const path = '/etc/kubernetes/pki/ca.key';
const sha256 = createHash('sha256').update('key').digest('hex');

async function setting() {
  const target = join(await temporaryDirectory(), 'ca.key');
  const trial = hostTrial({ files: { [path]: { content: 'key', mode: 0o600 } } });
  return { target, trial, step: fetchFile({ path, sha256, target, mode: 0o600 }) };
}

test('what is not here is fetched, closed to others; a second time nothing is done', async () => {
  const { target, trial, step } = await setting();
  const { again } = await trial.play(step);
  expect(again?.state).toBe('satisfied');
  expect(await readFile(target, 'utf8')).toBe('key');
  expect((await stat(target)).mode & 0o777).toBe(0o600);
});

test('another one that is here is never written over', async () => {
  const { target, trial, step } = await setting();
  await writeFile(target, 'another');
  await expect(trial.precheck(step)).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  expect(await readFile(target, 'utf8')).toBe('another');
});
