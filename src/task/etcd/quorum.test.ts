import { expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { observedEtcd } from './membership.fixture.js';
import { quorumOf, quorumWith, quorumWithout } from './quorum.js';

const names = ['a', 'b', 'c', 'd', 'e'];
const ctx = planContext(smallCluster());
/** So many voters, the last of which are ill. */
const voters = (count: number, ill = 0) =>
  observedEtcd(
    ctx,
    names.slice(0, count).map((host, index) => ({ host, healthy: index < count - ill })),
  );

test.each([
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [5, 3],
  [6, 4],
  [7, 4],
])('of %i voters %i must agree', (count, quorum) => {
  expect(quorumOf(count)).toBe(quorum);
});

test.each<[number, number, 'healthy' | 'ill', boolean, string]>([
  [1, 0, 'healthy', false, 'after: 0 of 0 voters healthy, quorum none; no quorum: every write would fail'],
  [2, 0, 'healthy', true, 'after: 1 of 1 voters healthy, quorum 1; none may fail'],
  [3, 0, 'healthy', true, 'after: 2 of 2 voters healthy, quorum 2; none may fail'],
  [3, 1, 'ill', true, 'after: 2 of 2 voters healthy, quorum 2; none may fail'],
  [3, 1, 'healthy', false, 'after: 1 of 2 voters healthy, quorum 2; no quorum: every write would fail'],
  [5, 1, 'healthy', true, 'after: 3 of 4 voters healthy, quorum 3; none may fail'],
  [5, 2, 'healthy', false, 'after: 2 of 4 voters healthy, quorum 3; no quorum: every write would fail'],
  [5, 2, 'ill', true, 'after: 3 of 4 voters healthy, quorum 3; none may fail'],
  [5, 0, 'healthy', true, 'after: 4 of 4 voters healthy, quorum 3; 1 may fail'],
  // Two of three are ill: who is removed makes no difference to those who cannot agree on it.
  [3, 2, 'ill', false, 'after: 1 of 2 voters healthy, quorum 2; no quorum: every write would fail'],
])('of %i voters with %i ill one that is not: %s goes, and that is safe: %s', (count, ill, which, safe, line) => {
  const observed = voters(count, ill);
  const leaving = which === 'ill' ? observed.members.at(-1) : observed.members[0];
  const forecast = quorumWithout(observed, leaving ? [leaving] : []);
  expect(forecast).toMatchObject({ safe, lines: [expect.stringMatching(/^now: /), line] });
});

test.each<[number, number, string[], boolean, string]>([
  [1, 0, ['x'], true, 'with x: 2 of 2 voters healthy, quorum 2; none may fail'],
  [2, 0, ['x'], true, 'with x: 3 of 3 voters healthy, quorum 2; 1 may fail'],
  [3, 0, ['x'], true, 'with x: 4 of 4 voters healthy, quorum 3; 1 may fail'],
  [3, 0, ['x', 'y'], true, 'with y: 5 of 5 voters healthy, quorum 3; 2 may fail'],
  [3, 1, ['x'], false, 'with x: etcd adds nobody while 2 of 3 voters are healthy; it takes 3'],
  [2, 1, ['x'], false, 'with x: etcd adds nobody while 1 of 2 voters are healthy; it takes 2'],
  [5, 1, ['x'], true, 'with x: 5 of 6 voters healthy, quorum 4; 1 may fail'],
  [5, 2, ['x'], false, 'with x: etcd adds nobody while 3 of 5 voters are healthy; it takes 4'],
])('to %i voters with %i ill come %j, and that is safe: %s', (count, ill, joining, safe, line) => {
  const forecast = quorumWith(voters(count, ill), joining);
  expect(forecast.safe).toBe(safe);
  expect(forecast.lines.at(-1)).toBe(line);
});

test('learners count for nothing', () => {
  const observed = observedEtcd(ctx, [{ host: 'a' }, { host: 'b' }, { host: 'c', isLearner: true }]);
  expect(quorumWith(observed, []).lines).toEqual(['now: 2 of 2 voters healthy, quorum 2']);
});
