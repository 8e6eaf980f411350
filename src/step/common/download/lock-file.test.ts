import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../local-step.fixture.js';
import { pin, readPins } from './lock-file.js';

const sha256 = (digit: string) => digit.repeat(64);

test('parallel downloads lose no pin, and the file is sorted, one artifact a line', async () => {
  const path = join(await temporaryDirectory(), 'demo', 'kubexm.lock');
  await Promise.all(
    'fedcba9876543210'.split('').map((digit) => pin(path, `x/v${digit}/amd64`, { sha256: sha256(digit), url: 'u' })),
  );
  expect((await readPins(path)).size).toBe(16);
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.includes('sha256'));
  expect(lines).toEqual([...lines].sort());
  expect(lines[0]).toBe(`    "x/v0/amd64": {"sha256":"${sha256('0')}","url":"u"},`);
});

test('a pin that is there already does not touch the file', async () => {
  const path = join(await temporaryDirectory(), 'kubexm.lock');
  await pin(path, 'a', { sha256: sha256('a'), url: 'u' });
  await pin(path, 'a', { sha256: sha256('a'), url: 'u' });
  await pin(path, 'a', { sha256: sha256('b'), url: 'u' });
  expect(await readPins(path)).toEqual(new Map([['a', { sha256: sha256('b'), url: 'u' }]]));
});
