import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { stopOnSignals } from './stop.js';

test('the first Ctrl-C drains, the second aborts, the third ends the process', () => {
  const source = new EventEmitter();
  let ended = 0;
  const { stop, release } = stopOnSignals(source as NodeJS.Process, () => (ended += 1));
  const state = () => [stop.drain.aborted, stop.abort.aborted, ended];
  expect(state()).toEqual([false, false, 0]);
  source.emit('SIGINT');
  expect(state()).toEqual([true, false, 0]);
  source.emit('SIGTERM');
  expect(state()).toEqual([true, true, 0]);
  source.emit('SIGINT');
  expect(state()).toEqual([true, true, 1]);
  release();
  expect(source.listenerCount('SIGINT')).toBe(0);
});
