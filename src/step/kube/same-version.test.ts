import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { sameVersion } from './same-version.js';

const apiservers = (...versions: readonly string[]) =>
  hostTrial({
    commands: [
      [
        /get pods -l component=kube-apiserver/,
        versions.map((version, index) => `m${index + 1} registry.local:5000/kube-apiserver:${version}\n`).join(''),
      ],
    ],
  });

test('a node of the version of all API servers may join', async () => {
  const trial = apiservers('v1.34.4', 'v1.34.4');
  expect(await trial.precheck(sameVersion({ version: 'v1.34.4' }))).toEqual({
    state: 'satisfied',
    because: '2 run v1.34.4',
  });
});

test.each([
  // The config was edited, and the upgrade is half-way or has not begun.
  ['v1.34.4', ['v1.34.4', 'v1.33.13'], /of m2 is v1\.33\.13/, /kubexm cluster upgrade --to v1\.34\.4/],
  // It was not edited after one.
  ['v1.33.13', ['v1.34.4'], /of m1 is v1\.34\.4/, /write spec\.kubernetes\.version: v1\.34\.4/],
])('a node of %s does not join %j', async (version, running, message, hint) => {
  await expect(apiservers(...running).precheck(sameVersion({ version }))).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    message: expect.stringMatching(message) as string,
    hint: expect.stringMatching(hint) as string,
  });
});

test('where none is told, none joins', async () => {
  await expect(apiservers().precheck(sameVersion({ version: 'v1.34.4' }))).rejects.toThrow(
    /does not say which versions/,
  );
});
