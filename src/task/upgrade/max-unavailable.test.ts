import { expect, test } from 'vitest';
import { inBatches, maxUnavailable } from './max-unavailable.js';

test.each<[string, number, number]>([
  ['1', 10, 1],
  ['3', 10, 3],
  ['20', 10, 10],
  ['25%', 10, 2],
  ['20%', 10, 2],
  ['19%', 10, 1],
  // Less than one would never end.
  ['5%', 10, 1],
  ['1%', 3, 1],
  ['33%', 3, 1],
  ['34%', 3, 1],
  ['67%', 3, 2],
  ['100%', 3, 3],
  ['29%', 100, 29],
  ['1', 0, 1],
  ['50%', 0, 1],
])('%s of %d nodes are %d', (text, nodes, expected) => {
  expect(maxUnavailable(text, nodes)).toBe(expected);
});

test.each(['0', '0%', '101%', '-1', '1.5', '10 %', '', 'all', '1e3', '%'])('%j is an error of usage', (text) => {
  expect(() => maxUnavailable(text, 10)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('batches hold every node once, in order', () => {
  expect(inBatches(['a', 'b', 'c', 'd', 'e'], 2)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  expect(inBatches(['a'], 3)).toEqual([['a']]);
  expect(inBatches([], 3)).toEqual([]);
});
