import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { waitForFile } from './wait-for-file.js';

const step = (waitMs: number) =>
  waitForFile({ path: '/run/flannel/subnet.env', because: 'flanneld has not started', waitMs });

test('a file that is there is not waited for', async () => {
  const trial = hostTrial({ files: { '/run/flannel/subnet.env': '' } });
  expect((await trial.play(step(0))).first).toEqual({ state: 'satisfied', because: 'it is there' });
});

test('a file that comes ends the waiting', async () => {
  const trial = hostTrial();
  setTimeout(() => trial.host.files.put('/run/flannel/subnet.env', ''), 100);
  expect((await trial.play(step(5000))).first).toMatchObject({ state: 'needed', because: 'flanneld has not started' });
});

test('a file that does not come is an error with its reason', async () => {
  await expect(hostTrial().play(step(0))).rejects.toMatchObject({
    code: 'WAIT_TIMEOUT',
    message: 'node-1: /run/flannel/subnet.env did not appear within 0 s: flanneld has not started',
  });
});
