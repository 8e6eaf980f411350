import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { removeStrayFiles } from './stray-files.js';

const step = removeStrayFiles({
  directory: '/etc/kubernetes/audit',
  own: 'policy-\\d+\\.yaml',
  keep: ['policy-2.yaml'],
});

function trialWith(...names: string[]) {
  const paths = names.map((name) => `/etc/kubernetes/audit/${name}`);
  return hostTrial({
    files: Object.fromEntries(paths.map((path) => [path, 'x'])),
    commands: [
      [/find \/etc\/kubernetes\/audit/, (_command, host) => paths.filter((path) => host.files.get(path)).join('\n')],
    ],
  });
}

test('what nothing uses goes, what is used stays, and so does what is not of our making', async () => {
  const trial = trialWith('policy-1.yaml', 'policy-2.yaml', 'policy.yaml', 'my-policy-1.yaml');
  const { first, again } = await trial.play(step);
  expect([first.because, again?.state]).toEqual(['policy-1.yaml', 'satisfied']);
  for (const name of ['policy-2.yaml', 'policy.yaml', 'my-policy-1.yaml'])
    expect(trial.host.files.get(`/etc/kubernetes/audit/${name}`)).toBeDefined();
  expect(trial.host.files.get('/etc/kubernetes/audit/policy-1.yaml')).toBeUndefined();
});

test('a directory that is not there holds nothing', async () => {
  expect((await trialWith().precheck(step)).state).toBe('satisfied');
});
