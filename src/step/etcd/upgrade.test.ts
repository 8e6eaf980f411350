import { expect, test } from 'vitest';
import { etcdPrograms } from '../../common/etcd-programs.js';
import { type EtcdTrial, etcdTrial } from './etcd-trial.fixture.js';
import { upgradeEtcdMember } from './upgrade.js';
import { guardEtcdVersion } from './upgrade-state.js';

const stepFor = ({ own, others }: EtcdTrial) =>
  upgradeEtcdMember({
    service: 'etcd.service',
    inputs: ['/usr/local/bin/etcd'],
    to: 'v3.6.14',
    own,
    others,
    dataDir: '/var/lib/etcd',
    settleMs: 10,
  });

test('a follower is stopped, swapped and started, and a second run has nothing to do', async () => {
  const t = etcdTrial();
  const { again } = await t.play(stepFor(t));
  expect(t.deeds).toEqual(['stop', 'place 3.6.14, keep', 'start 3.6.14']);
  expect(again).toEqual({ state: 'satisfied', because: 'runs v3.6.14' });
  expect(t.host.files.get(etcdPrograms.mark)).toBeUndefined();
});

test('the leader hands over before it is stopped, to a member that is upgraded already', async () => {
  const t = etcdTrial();
  t.leader = 'm1';
  Object.assign(t.members.m3 ?? {}, { version: '3.6.14' });
  await t.play(stepFor(t));
  expect(t.deeds).toEqual(['move-leader m3', 'stop', 'place 3.6.14, keep', 'start 3.6.14']);
});

test('nothing is stopped while another member is away, or while there is an alarm', async () => {
  const away = etcdTrial();
  Object.assign(away.members.m3 ?? {}, { serving: false });
  await expect(away.play(stepFor(away))).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  expect(away.deeds).toEqual([]);
  const alarmed = etcdTrial();
  alarmed.alarms = ['NOSPACE'];
  await expect(alarmed.play(stepFor(alarmed))).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  expect(alarmed.deeds).toEqual([]);
});

test('a member that was stopped by a run that was killed is taken up again', async () => {
  const t = etcdTrial();
  Object.assign(t.members.m1 ?? {}, { serving: false });
  t.host.files.put(etcdPrograms.mark, { content: '{"from":"v3.5.35","to":"v3.6.14"}' });
  const { first, again } = await t.play(stepFor(t));
  expect(first).toMatchObject({ because: 'an upgrade from v3.5.35 to v3.6.14 was not finished' });
  expect(t.deeds).toEqual(['stop', 'place 3.6.14, keep', 'start 3.6.14']);
  expect(again?.state).toBe('satisfied');
});

test('what never ran is not kept to go back to', async () => {
  const t = etcdTrial();
  Object.assign(t.members.m1 ?? {}, { serving: false });
  t.installed = '3.6.14';
  t.host.files.put(etcdPrograms.mark, { content: '{"from":"v3.5.35","to":"v3.6.14"}' });
  await t.play(stepFor(t));
  expect(t.deeds).toEqual(['stop', 'place 3.6.14', 'start 3.6.14']);
});

test('a member that runs the new version and only bears the mark is not stopped again', async () => {
  const t = etcdTrial();
  Object.assign(t.members.m1 ?? {}, { version: '3.6.14' });
  t.installed = '3.6.14';
  t.host.files.put(etcdPrograms.mark, { content: '{"from":"v3.5.35","to":"v3.6.14"}' });
  expect((await t.play(stepFor(t))).again?.state).toBe('satisfied');
  expect(t.deeds).toEqual([]);
});

test('a member that is away for a reason of its own is not touched', async () => {
  const t = etcdTrial();
  Object.assign(t.members.m1 ?? {}, { serving: false });
  await expect(t.play(stepFor(t))).rejects.toThrow(/does not answer, and no upgrade of it was interrupted/);
  expect(t.deeds).toEqual([]);
});

test('a member that does not start with the new programs goes back to the old ones', async () => {
  const t = etcdTrial();
  t.broken = '3.6.14';
  await expect(t.play(stepFor(t))).rejects.toThrow('m1 did not come back with etcd v3.6.14; it runs v3.5.35 again');
  expect(t.deeds).toEqual(['stop', 'place 3.6.14, keep', 'start 3.6.14', 'stop', 'place 3.5.35', 'start 3.5.35']);
  expect(t.host.files.get(etcdPrograms.mark)).toBeUndefined();
});

test('it stays where its data may be new already, with the mark, and says so', async () => {
  const t = etcdTrial({ storage: '3.6.0' });
  t.broken = '3.6.14';
  await expect(t.play(stepFor(t))).rejects.toMatchObject({
    message: 'm1 did not come back with etcd v3.6.14',
    details: expect.arrayContaining([expect.stringContaining('v3.5.35 does not start on its data')]),
  });
  expect(t.deeds).not.toContain('place 3.5.35');
  expect(t.host.files.get(etcdPrograms.mark)).toBeDefined();
});

test('cluster create refuses another version where etcd is installed, and names the command', async () => {
  const t = etcdTrial();
  await expect(t.precheck(guardEtcdVersion({ version: 'v3.6.14' }))).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    hint: expect.stringContaining('kubexm etcd upgrade --to v3.6.14'),
  });
  expect(await t.precheck(guardEtcdVersion({ version: 'v3.5.35' }))).toMatchObject({ state: 'satisfied' });
  t.host.files.put(etcdPrograms.mark, { content: '{"from":"v3.5.35","to":"v3.6.14"}' });
  await expect(t.precheck(guardEtcdVersion({ version: 'v3.5.35' }))).rejects.toThrow(/was not finished/);
});
