import { expect, test } from 'vitest';
import { nearest } from './nearest.js';

const keys = ['address', 'internalAddress', 'kubePodsCIDR', 'roleGroups', 'port', 'user'];

test.each([
  ['adress', 'address'],
  ['internal_address', 'internalAddress'],
  ['kubePodCIDR', 'kubePodsCIDR'],
  ['role-groups', 'roleGroups'],
  ['prot', 'port'],
  ['users', 'user'],
])('%s was meant to be %s', (word, meant) => {
  expect(nearest(word, keys)).toBe(meant);
});

test.each(['frobnicate', 'x', 'passwd'])('%s is near to nothing', (word) => {
  expect(nearest(word, keys)).toBeUndefined();
});
