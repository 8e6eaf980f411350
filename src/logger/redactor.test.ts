import { expect, test } from 'vitest';
import { Secret } from '../secrets/index.js';
import { createRedactor } from './redactor.js';

test('known values are masked wherever they stand, and in their usual encodings', () => {
  const redactor = createRedactor();
  redactor.add(new Secret(`p"ss w'rd/`));
  const forms = [
    `p"ss w'rd/`,
    JSON.stringify(`p"ss w'rd/`),
    `p"ss w'\\''rd/`,
    encodeURIComponent(`p"ss w'rd/`),
    Buffer.from(`p"ss w'rd/`).toString('base64'),
  ];
  for (const form of forms) expect(redactor.redact(`before ${form} after`)).toMatch(/^before "?\*\*\*"? after$/);
});

test('a single line of a private key is masked, its markers are not', () => {
  const redactor = createRedactor();
  redactor.add(
    new Secret('-----BEGIN KEY-----\nMIIEowIBAAKCAQEA0123456789\nabcdefghijklmnopqrstuvwxyz\n-----END KEY-----\n'),
  );
  expect(redactor.redact('got MIIEowIBAAKCAQEA0123456789 and -----BEGIN KEY-----')).toBe(
    'got *** and -----BEGIN KEY-----',
  );
});

test('a value that contains another is masked whole', () => {
  const redactor = createRedactor();
  redactor.add(new Secret('secret'));
  redactor.add(new Secret('secret-and-more'));
  expect(redactor.redact('x secret-and-more y')).toBe('x *** y');
});

test('values as short as words are left alone', () => {
  const redactor = createRedactor();
  redactor.add(new Secret('root'));
  expect(redactor.redact('root@m1')).toBe('root@m1');
});
