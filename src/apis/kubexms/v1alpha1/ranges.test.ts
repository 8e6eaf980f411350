import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { expandNames, expandRange } from './ranges.js';

test.each([
  ['m1', ['m1']],
  ['w[1:3]', ['w1', 'w2', 'w3']],
  ['w[08:11]', ['w08', 'w09', 'w10', 'w11']],
  ['r[1:2]n[1:2].example', ['r1n1.example', 'r1n2.example', 'r2n1.example', 'r2n2.example']],
  ['w[5:5]', ['w5']],
])('%s stands for %j', (pattern, names) => {
  expect(expandRange(pattern)).toEqual({ names });
});

test.each(['w[1', 'w1]', 'w[1-3]', 'w[a:b]', 'w[]', 'w[3:1]', 'w[1:90000000]', 'r[1:1000]n[1:1000]'])(
  '%s is refused with a reason',
  (pattern) => {
    expect(expandRange(pattern)).toHaveProperty('problem');
  },
);

test('a range has a name for each of its numbers, in order, none twice', () => {
  const literal = fc.stringMatching(/^[a-z.-]{0,5}$/);
  fc.assert(
    fc.property(
      literal,
      literal,
      fc.nat(500),
      fc.nat(200),
      fc.integer({ min: 1, max: 5 }),
      (before, after, from, more, width) => {
        const pad = (n: number) => String(n).padStart(width, '0');
        const expansion = expandRange(`${before}[${pad(from)}:${pad(from + more)}]${after}`);
        const names = 'names' in expansion ? expansion.names : [];
        expect(new Set(names).size).toBe(more + 1);
        expect(names.map((name) => Number(name.slice(before.length, name.length - after.length)))).toEqual(
          Array.from({ length: more + 1 }, (_, i) => from + i),
        );
      },
    ),
  );
});

test('a pattern without brackets stands for itself, and nothing stands for two', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z0-9]{1,4}$/)), (names) => {
      expect(expandNames(names)).toEqual([...new Set(names)]);
    }),
  );
});
