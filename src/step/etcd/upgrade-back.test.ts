import { expect, test } from 'vitest';
import { mayGoBack } from './upgrade-back.js';

const old = { version: '3.5.35' };
const fresh = (storage: string) => ({ version: '3.6.14', storage });

test.each([
  ['within a minor', 'v3.6.0', 'v3.6.14', [fresh('3.6.0'), fresh('3.6.0')], '3.6.0', true],
  ['the second of three: another runs 3.5', 'v3.5.35', 'v3.6.14', [fresh('3.5.0'), old], '', true],
  ['another runs 3.5, and one does not answer', 'v3.5.35', 'v3.6.14', [{ version: '' }, old], undefined, true],
  ['the last one, and the version was not raised', 'v3.5.35', 'v3.6.14', [fresh('3.5.0'), fresh('3.5.0')], '', true],
  ['the last one, and the version was raised', 'v3.5.35', 'v3.6.14', [fresh('3.6.0'), fresh('3.6.0')], '', false],
  ['its own data is new', 'v3.5.35', 'v3.6.14', [fresh('3.5.0'), old], '3.6.0', false],
  ['nobody can tell', 'v3.5.35', 'v3.6.14', [{ version: '' }, fresh('3.5.0')], undefined, false],
  ['alone, with old data', 'v3.5.35', 'v3.6.14', [], '', true],
  ['alone, with new data', 'v3.5.35', 'v3.6.14', [], '3.6.0', false],
  ['alone, and its data cannot be read', 'v3.5.35', 'v3.6.14', [], undefined, false],
])('%s', (_case, from, to, others, disk, may) => {
  expect(mayGoBack({ from, to, others, disk })).toBe(may);
});
