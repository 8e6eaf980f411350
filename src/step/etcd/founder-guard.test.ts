import { expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { guardEtcdFounder } from './founder-guard.js';

const step = guardEtcdFounder({ name: 'm1', others: ['https://10.0.0.2:2379'], dataDir: '/var/lib/etcd' });
/** What `od` shows of a log file that begins with the metadata of member 5 of the cluster 9. */
const log = ' 0a 00 00 00 00 00 00 86 08 01 10 07 1a 04 08 05 10 09 00 00 00 00 00 00\n';
const listed = (...ids: readonly number[]) =>
  JSON.stringify({ members: ids.map((ID) => ({ ID, name: `m${ID}`, peerURLs: [`https://10.0.0.${ID}:2380`] })) });
const look = (data: string, members: FakeAnswer) =>
  hostTrial({
    commands: [
      [/od -An/, data],
      [/member list/, members],
    ],
  }).precheck(step);

test.each<[string, string, FakeAnswer, string]>([
  ['a member', log, listed(5, 6), '5 is a member'],
  ['a host without data', '', listed(6), 'there are none'],
  ['a cluster that is down', log, { exitCode: 1, stderr: 'x\ncontext deadline exceeded\n' }, 'no other member answers'],
])('%s passes', async (_, data, members, because) => {
  expect(await look(data, members)).toEqual({ state: 'satisfied', because: expect.stringContaining(because) });
});

test('the data of a member that was removed are not begun with', async () => {
  await expect(look(log, listed(6, 7))).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    message: expect.stringContaining('those of 5, which is no member'),
    details: ['member: m6 https://10.0.0.6:2380 (6)', 'member: m7 https://10.0.0.7:2380 (7)'],
    hint: expect.stringContaining('kubexm etcd add-member m1'),
  });
});
