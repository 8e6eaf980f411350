import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../secrets/index.js';
import { allOf, sh } from './shell.js';

test('any words arrive at a command as they are', () => {
  const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      const { text } = sh`printf '%s\\0' ${words}`;
      const output = execFileSync('/bin/sh', ['-c', text], { encoding: 'utf8' });
      expect(output.split('\0').slice(0, -1)).toEqual(words);
    }),
    { numRuns: 50 },
  );
});

test('secrets are in the command, not in what is shown of it', () => {
  const secret = new Secret("it's hidden");
  const command = allOf(sh`login ${secret}`, sh`use ${['x', secret]} ${sh`--with ${secret}`} ${1}`);
  expect(command.text).toBe("login 'it'\\''s hidden' && use x 'it'\\''s hidden' --with 'it'\\''s hidden' 1");
  expect(command.masked).toBe('login *** && use x *** --with *** 1');
  expect(command.secrets).toEqual([secret, secret, secret]);
});
