import { expect, test } from 'vitest';
import { mainRepository } from './machine.js';

test("takes Debian's own repository, not its security updates nor a vendor's", () => {
  const targets = [
    'Vendor|Vendor|main|http://packages.example/vendor/',
    'Debian|Debian-Security|main|http://packages.example/debian-security/',
    'Debian|Debian|main|http://packages.example/debian/',
  ].join('\n');
  expect(mainRepository(targets)).toBe('http://packages.example/debian/');
});

test('an apt without lists has none', () => {
  expect(mainRepository('')).toBeUndefined();
});
