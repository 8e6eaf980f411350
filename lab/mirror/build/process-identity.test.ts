import { expect, test } from 'vitest';
import { isRunning, processIdentity, startTimeField } from './process-identity.js';

test('reads the start time behind a process name with spaces and parentheses', () => {
  const stat = '42 (a (b) c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 10';
  expect(startTimeField(stat)).toBe('98765');
});

test('a process that has ended and is not yet collected counts as none', () => {
  expect(startTimeField('42 (sleep) Z 1 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 98765 0 0')).toBeUndefined();
});

test('an id with another start time is another process', async () => {
  const own = await processIdentity(process.pid);
  expect(own).toBeDefined();
  expect(own && (await isRunning(own))).toBe(true);
  expect(await isRunning({ pid: process.pid, startTime: '1' })).toBe(false);
});
