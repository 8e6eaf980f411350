import { expect, test } from 'vitest';
import { checksumIn } from './checksum-file.js';

const a = 'a'.repeat(64);
const b = 'b'.repeat(64);

test.each([
  ['a bare digest', a, a],
  ['a bare digest in capitals with a line end', `${a.toUpperCase()}\r\n`, a],
  ['one named line', `${a}  file.tgz\n`, a],
  ['binary mode and a directory', `${a} *./out/file.tgz\n`, a],
  ['many lines', `${b}  other.tgz\n${a}  file.tgz\n${b}  file.tgz.asc\n`, a],
  ['lines around it', `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${a}  file.tgz\n`, a],
  ['another file’s line only', `${a}  other.tgz\n`, undefined],
  ['several bare digests', `${a}\n${b}\n`, undefined],
  ['a digest of another kind', `${a}${a}  file.tgz\n`, undefined],
  ['an HTML page', '<!DOCTYPE html>\n<html></html>', undefined],
  ['nothing', '', undefined],
])('%s', (_, text, expected) => {
  expect(checksumIn(text, 'file.tgz')).toBe(expected);
});
