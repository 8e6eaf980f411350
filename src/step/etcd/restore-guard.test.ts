import { expect, test } from 'vitest';
import { etcdRestorePaths } from '../../common/etcd-restore.js';
import { hostTrial } from '../host-step.fixture.js';
import { guardHalfRestored } from './restore-guard.js';

test('a host without a marker lets everything pass', async () => {
  expect(await hostTrial().precheck(guardHalfRestored({}))).toMatchObject({ state: 'satisfied' });
});

test.each([
  [
    '{"id":"20261123T140500Z","sha256":"ab","file":"/home/user/etcd-prod.db"}',
    'kubexm etcd restore /home/user/etcd-prod.db',
  ],
  ['{"id":"2026', 'kubexm etcd restore FILE'],
])('a marker %s stops it, whatever is left of it', async (marker, hint) => {
  const trial = hostTrial({ name: 'm1', files: { [etcdRestorePaths.marker]: marker } });
  await expect(trial.precheck(guardHalfRestored({}))).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    message: 'a restore of etcd is half done on m1',
    hint: expect.stringContaining(hint) as string,
  });
});
