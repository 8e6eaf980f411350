import { describe, expect, test } from 'vitest';
import {
  fit,
  formatBar,
  formatBytes,
  formatClock,
  formatDuration,
  formatPercent,
  plural,
  printable,
  shortList,
  shortNode,
} from './format.js';

describe('numbers as people read them', () => {
  test.each([
    [0, '0ms'],
    [840, '840ms'],
    [2400, '2.4s'],
    [9949, '9.9s'],
    [42_000, '42s'],
    [59_600, '1m 00s'],
    [67_000, '1m 07s'],
    [7_380_000, '2h 03m'],
  ])('%d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test.each([
    [7000, '0:07'],
    [760_000, '12:40'],
    [3_723_000, '1:02:03'],
  ])('a clock at %d ms shows %s', (ms, text) => expect(formatClock(ms)).toBe(text));

  test.each([
    [0, '0 B'],
    [512, '512 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [33_100_000, '33.1 MB'],
    [120_000_000, '120 MB'],
    [999_999_999, '1.0 GB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test('only all of it is 100%', () => {
    expect(formatPercent(0.9999)).toBe('99%');
    expect(formatPercent(1)).toBe('100%');
  });

  test('a bar has its width whatever the part', () => {
    for (const part of [-1, 0, 0.3, 1, 7]) expect(formatBar(part, 10)).toHaveLength(10);
  });
});

describe('text of hosts', () => {
  test('escape sequences and line ends never reach the terminal', () => {
    expect(printable('\u001b[2J\u001b[31mred\u001b[0m\r\nnext\tline\u0007')).toBe('red next line');
  });
  test('is cut with an ellipsis', () =>
    expect([fit('abcdef', 4), fit('abc', 3), fit('abc', 0)]).toEqual(['abc…', 'abc', '']));
  test('counts have a plural', () =>
    expect([plural(1, 'job'), plural(2, 'job'), plural(0, 'entry', 'entries')]).toEqual([
      '1 job',
      '2 jobs',
      '0 entries',
    ]));
  test('long lists are shortened', () => expect(shortList(['a', 'b', 'c'], 2)).toBe('a, b and 1 more'));
  test('the pipeline is left out of ids', () =>
    expect([shortNode('p/a/b', 'p'), shortNode('/pki/ca', 'p')]).toEqual(['a/b', '/pki/ca']));
});
