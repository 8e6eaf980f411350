import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { addressFree } from './address-free.js';

const step = addressFree({ address: '10.0.0.100' });
const seen = (line: string) => hostTrial({ commands: [[/ip neigh show 10\.0\.0\.100/, `${line}\n`]] });

test.each(['', '10.0.0.100 dev eth0 FAILED', '10.0.0.100 dev eth0 INCOMPLETE'])('free: "%s"', async (line) => {
  expect((await seen(line).precheck(step)).state).toBe('satisfied');
});

test('an address that a machine answers for is refused', async () => {
  const trial = seen('10.0.0.100 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE');
  await expect(trial.precheck(step)).rejects.toThrow(/is the address of another machine already \(02:00/);
});
