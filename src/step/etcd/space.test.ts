import { describe, expect, test } from 'vitest';
import { disarmEtcd, forgetEtcdAlarms, proveEtcdWrites, requireEtcdRoom } from './alarms.js';
import { compactEtcd } from './compact.js';
import { defragEtcdMember } from './defrag.js';
import { etcdTrial } from './etcd-trial.fixture.js';
import { reconfigureEtcdMember } from './reconfigure.js';

const MiB = 2 ** 20;
const always = { leastBytes: 0, leastPart: 0, settleMs: 10 };
const worthIt = { leastBytes: 32 * MiB, leastPart: 0.3, settleMs: 10 };

test('a member with holes is defragmented, the leader after it handed over', async () => {
  const t = etcdTrial();
  t.leader = 'm1';
  const { first } = await t.play(defragEtcdMember({ own: t.own, others: t.others, ...worthIt }));
  expect(first).toMatchObject({ because: '100.0 MiB, 20.0 MiB in use' });
  expect(t.deeds).toEqual(['move-leader m2', 'defrag']);
  expect(t.logs).toContain('debug: etcd:defrag');
});

test('one without holes is left alone, unless it is asked for', async () => {
  const t = etcdTrial();
  Object.assign(t.members.m1 ?? {}, { inUse: 90 * MiB });
  const { first } = await t.play(defragEtcdMember({ own: t.own, others: t.others, ...worthIt }));
  expect(first).toEqual({ state: 'satisfied', because: '100.0 MiB, 90.0 MiB in use: not worth it' });
  await t.play(defragEtcdMember({ own: t.own, others: t.others, ...always }));
  expect(t.deeds).toEqual(['defrag']);
});

test('no member is defragmented while another is away; an alarm does not hinder it', async () => {
  const t = etcdTrial();
  Object.assign(t.members.m3 ?? {}, { serving: false });
  const step = defragEtcdMember({ own: t.own, others: t.others, ...worthIt });
  await expect(t.play(step)).rejects.toMatchObject({ code: 'GUARD_REFUSED', details: ['m3 does not answer'] });
  Object.assign(t.members.m3 ?? {}, { serving: true });
  t.alarms = ['NOSPACE'];
  await t.play(step);
  expect(t.deeds).toEqual(['defrag']);
});

test('compaction keeps what is asked for, and finds what was done before', async () => {
  const t = etcdTrial();
  const keep = (revisions: number) => compactEtcd({ endpoint: t.own.endpoint, keep: revisions });
  await t.play(keep(1000));
  expect(t.deeds).toEqual(['compact 4000']);
  expect((await t.play(keep(2000))).first).toMatchObject({ state: 'satisfied' });
  expect((await t.play(keep(9000))).first).toMatchObject({ because: 'revision 5000: there is no more than that' });
  expect(t.deeds).toEqual(['compact 4000']);
});

test('the alarm is taken back, but not beside CORRUPT', async () => {
  const t = etcdTrial();
  const step = disarmEtcd({ endpoint: t.own.endpoint });
  expect((await t.play(step)).first).toMatchObject({ because: 'there is no alarm' });
  t.alarms = ['NOSPACE', 'NOSPACE'];
  expect((await t.play(step)).again).toMatchObject({ state: 'satisfied' });
  t.alarms = ['NOSPACE', 'CORRUPT'];
  await expect(t.play(step)).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  expect(t.deeds).toEqual(['disarm']);
});

test('without room the way out is named: a larger quota', async () => {
  const t = etcdTrial();
  const room = (quota: number) => requireEtcdRoom({ members: [t.own, ...t.others], quotaBytes: quota * MiB });
  expect(await t.precheck(room(1000))).toMatchObject({ state: 'satisfied' });
  expect(t.logs).toEqual([]);
  await t.precheck(room(120));
  expect(t.logs[0]).toMatch(/^warn: m1: 100\.0 MiB of 120\.0 MiB.* raise spec\.etcd\.performance\.quotaBackendBytes/);
  await expect(t.precheck(room(100))).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    hint: expect.stringContaining('quotaBackendBytes'),
  });
});

test('writes are proven by a write, which leaves nothing', async () => {
  const t = etcdTrial();
  t.host.script(/ put kubexm\/write-check x$/, () => 'OK');
  t.host.script(/ del kubexm\/write-check$/, () => '1');
  await t.play(proveEtcdWrites({ endpoint: t.own.endpoint }));
  expect(t.host.commands.filter((text) => /write-check/.test(text))).toHaveLength(2);
});

const reconfigure = (endpoint: string) =>
  reconfigureEtcdMember({ service: 'etcd.service', inputs: ['/etc/etcd/etcd.yaml'], endpoint, settleMs: 10 });

test('a member with new settings restarts when all others serve, and hands over the lead before', async () => {
  const t = etcdTrial();
  t.leader = 'm1';
  t.host.files.put('/etc/etcd/etcd.yaml', { content: 'new' });
  const { again } = await t.play(reconfigure(t.own.endpoint));
  expect(t.deeds).toEqual(['move-leader m2', 'start 3.5.35']);
  expect(again).toMatchObject({ state: 'satisfied' });
});

test('it is left as it is while another is away', async () => {
  const t = etcdTrial();
  t.host.files.put('/etc/etcd/etcd.yaml', { content: 'new' });
  Object.assign(t.members.m2 ?? {}, { serving: false });
  t.leader = 'm3';
  await expect(t.play(reconfigure(t.own.endpoint))).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  expect(t.deeds).toEqual([]);
});

test('a member that does not run, or serves nobody, is just started', async () => {
  const stopped = etcdTrial();
  await stopped.host.run({ text: 'systemctl stop etcd', masked: '', secrets: [], isShellCommand: true });
  await stopped.play(reconfigure(stopped.own.endpoint));
  expect(stopped.deeds).toEqual(['stop', 'start 3.5.35']);
  const alone = etcdTrial();
  for (const name of ['m2', 'm3']) Object.assign(alone.members[name] ?? {}, { serving: false });
  alone.host.files.put('/etc/etcd/etcd.yaml', { content: 'new' });
  await alone.play(reconfigure(alone.own.endpoint));
  expect(alone.deeds).toEqual(['start 3.5.35']);
});

test('it is not restarted where it runs and does not answer, nor while a leader is elected', async () => {
  const t = etcdTrial();
  t.host.files.put('/etc/etcd/etcd.yaml', { content: 'new' });
  Object.assign(t.members.m1 ?? {}, { serving: false });
  await expect(t.play(reconfigure(t.own.endpoint))).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    message: expect.stringContaining('does not answer'),
  });
  Object.assign(t.members.m1 ?? {}, { serving: true });
  Object.assign(t.members.m2 ?? {}, { serving: false });
  const { leader } = t;
  t.leader = 'nobody';
  setTimeout(() => {
    t.leader = leader;
  }, 100);
  const patient = reconfigureEtcdMember({
    service: 'etcd.service',
    inputs: ['/etc/etcd/etcd.yaml'],
    endpoint: t.own.endpoint,
    settleMs: 700,
  });
  await expect(t.play(patient)).rejects.toMatchObject({ message: expect.stringContaining('a second member') });
  expect(t.deeds).toEqual([]);
});

describe('alarms of members that are gone', () => {
  const step = (t: ReturnType<typeof etcdTrial>) => forgetEtcdAlarms({ endpoints: [t.own.endpoint] });

  test('are disarmed, and then there are none', async () => {
    const t = Object.assign(etcdTrial(), { alarms: ['CORRUPT'], alarmed: 9 });
    const { first, again } = await t.play(step(t));
    expect([first.state, again?.state, t.deeds]).toEqual(['needed', 'satisfied', ['disarm']]);
  });

  test('stay beside those of members that are there, since etcdctl disarms all at once', async () => {
    const t = etcdTrial();
    t.host.script(/alarm list/, () =>
      JSON.stringify({
        alarms: [
          { memberID: 9, alarm: 2 },
          { memberID: 2, alarm: 2 },
        ],
      }),
    );
    expect(await t.precheck(step(t))).toEqual({
      state: 'satisfied',
      because: 'CORRUPT of 9 of members that are gone stay, since there are others: CORRUPT of 2',
    });
  });

  test('of members that are there are left alone', async () => {
    const t = Object.assign(etcdTrial(), { alarms: ['CORRUPT'] });
    expect((await t.play(step(t))).first.state).toBe('satisfied');
    expect(t.deeds).toEqual([]);
  });

  test('CORRUPT is no hindrance to give back space', async () => {
    const t = Object.assign(etcdTrial(), { alarms: ['CORRUPT', 'NOSPACE'], alarmed: 9 });
    await t.play(disarmEtcd({ endpoint: t.own.endpoint }));
    expect(t.deeds).toEqual(['disarm']);
  });
});
