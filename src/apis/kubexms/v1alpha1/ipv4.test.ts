import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { contains, formatCidr, overlaps, parseCidr, parseIPv4 } from './ipv4.js';

const block = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 32 }))
  .map(([address, prefix]) => {
    const size = 2 ** (32 - prefix);
    const first = address - (address % size);
    return { first, last: first + size - 1, prefix };
  });

test('a block reads back as it is written', () => {
  fc.assert(
    fc.property(block, (cidr) => {
      expect(parseCidr(formatCidr(cidr))).toEqual(cidr);
    }),
  );
});

test('blocks overlap exactly when one holds the first address of the other', () => {
  fc.assert(
    fc.property(block, block, (a, b) => {
      expect(overlaps(a, b)).toBe(contains(a, b.first) || contains(b, a.first));
      expect(overlaps(a, b)).toBe(overlaps(b, a));
    }),
  );
});

test.each(['', '10.0.0', '10.0.0.256', '10.0.0.01', '10.0.0.1.1', ' 10.0.0.1', '::1', '10.0.0.1/8'])(
  '"%s" is no address',
  (text) => {
    expect(parseIPv4(text)).toBeUndefined();
  },
);

test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0/8', '/8'])('"%s" is no network', (text) => {
  expect(parseCidr(text)).toBeUndefined();
});
