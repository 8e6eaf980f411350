import { expect, test } from 'vitest';
import { KubexmError } from '../../errors/index.js';
import { checkUpgradePath } from './upgrade-path.js';

const allowed: readonly (readonly [readonly string[], string])[] = [
  [['v3.6.0'], 'v3.6.14'],
  [['v3.6.14'], 'v3.6.14'],
  [['v3.5.26'], 'v3.6.0'],
  [['v3.5.35', 'v3.5.35', 'v3.5.35'], 'v3.6.14'],
  // Interrupted after the first member.
  [['v3.6.14', 'v3.5.35', 'v3.5.35'], 'v3.6.14'],
  [['v3.4.30'], 'v3.5.35'],
  [['v3.5.3'], 'v3.5.26'],
  [['v3.6.14'], 'v3.7.0'],
];

test.each(allowed)('%j may go to %s', (versions, to) => {
  expect(() => checkUpgradePath({ versions, to })).not.toThrow();
});

const refusals: readonly (readonly [readonly string[], string, RegExp, RegExp])[] = [
  [['v3.6.14'], 'v3.6.0', /downgrade/, /etcd\.version: v3\.6\.14/],
  [['v3.6.0'], 'v3.5.35', /downgrade/, /v3\.6\.0/],
  // Half of an upgrade: what is new does not go back.
  [['v3.5.35', 'v3.6.14'], 'v3.5.35', /v3\.6\.14; v3\.5\.35 would be a downgrade/, /v3\.6\.14/],
  [['v3.5.25'], 'v3.6.14', /needs v3\.5\.26/, /--to v3\.5\.26/],
  [['v3.5.35', 'v3.5.25', 'v3.5.35'], 'v3.6.14', /v3\.5\.25 cannot go/, /--to v3\.5\.26/],
  [['v3.4.30'], 'v3.6.14', /would skip v3\.5/, /newest v3\.5\.x \(v3\.5\.26 or newer\)/],
  [['v3.5.35'], 'v3.7.1', /would skip v3\.6/, /newest v3\.6\.x/],
  [['v3.6.14'], 'v4.0.0', /no upgrade leads/, /same major/],
];

test.each(refusals)('%j may not go to %s', (versions, to, message, hint) => {
  const refused = caught(() => checkUpgradePath({ versions, to }));
  expect(refused.code).toBe('GUARD_REFUSED');
  expect(refused.message).toMatch(message);
  expect(refused.hint).toMatch(hint);
});

test('what is no version is an error of usage', () => {
  expect(caught(() => checkUpgradePath({ versions: ['v3.5.35'], to: 'latest' })).code).toBe('USAGE');
});

function caught(work: () => void): KubexmError {
  try {
    work();
  } catch (error) {
    if (error instanceof KubexmError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
