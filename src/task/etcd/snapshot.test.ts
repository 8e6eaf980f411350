import { describe, expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { installBackupTimer } from './backup-timer.js';
import type { EtcdObservation, ObservedMember } from './observation.js';
import { snapshotFirst, whyNoSnapshot } from './snapshot.js';

const hosts = ['a', 'b', 'c'].map((name, index) => ({ name, address: `10.0.0.${index + 1}` }));
const roleGroups = { etcd: ['a', 'b', 'c'], 'control-plane': ['a'], worker: [] };
const three = smallCluster({ hosts, roleGroups });

const member = (name: string, over: Partial<ObservedMember> = {}): ObservedMember => ({
  id: name,
  name,
  host: name,
  peerUrls: [],
  clientUrls: [],
  isLearner: false,
  isLeader: false,
  alarms: [],
  healthy: true,
  ...over,
});

const observed = (members: readonly ObservedMember[], over: Partial<EtcdObservation> = {}): EtcdObservation => ({
  membership: 'agreed',
  members,
  missing: [],
  strayAlarms: [],
  failures: [],
  ...over,
});

function source(etcd: EtcdObservation, ctx = planContext(three)): string | undefined {
  return [...snapshotFirst(ctx, etcd).nodes.values()][0]?.jobs[0]?.host;
}

describe('the snapshot before anything dangerous', () => {
  test.each([
    ['a follower', [member('a', { isLeader: true }), member('b'), member('c')], 'b'],
    ['the leader where there is no other', [member('a', { isLeader: true }), member('b', { healthy: false })], 'a'],
    ['no learner', [member('a', { isLearner: true }), member('b', { isLeader: true })], 'b'],
    ['nobody whose data is corrupt', [member('a', { alarms: ['CORRUPT'] }), member('b', { isLeader: true })], 'b'],
    [
      'somebody without space all the same',
      [member('a', { alarms: ['NOSPACE'] }), member('b', { isLeader: true })],
      'a',
    ],
  ])('is taken from %s', (_, members, host) => {
    expect(source(observed(members))).toBe(host);
    expect(whyNoSnapshot(planContext(three), observed(members))).toBeUndefined();
  });

  test('is not taken from a host that is down', () => {
    const ctx = planContext(three);
    const facts = new Map([...ctx.facts].filter(([name]) => name !== 'a'));
    expect(source(observed([member('a'), member('b'), member('c')]), { ...ctx, facts })).toBe('b');
  });

  test.each([
    ['no quorum', observed([member('a')], { membership: 'stale' }), /has no quorum/],
    [
      'nobody healthy',
      observed([member('a', { healthy: false, error: 'timeout' })]),
      /no voter .* is healthy \(a: timeout\)/,
    ],
  ])('is refused with %s, in words', (_, etcd, because) => {
    const ctx = planContext(three);
    expect(whyNoSnapshot(ctx, etcd)).toMatch(because);
    expect(() => snapshotFirst(ctx, etcd)).toThrow(expect.objectContaining({ code: 'GUARD_REFUSED' }));
  });
});

describe('the timer', () => {
  const nodesOf = (etcd: Readonly<Record<string, unknown>>) =>
    installBackupTimer.plan(planContext(smallCluster({ hosts, roleGroups, etcd }))).nodes;

  test('is on every member, each asking its own, and checked by systemd before it is written', () => {
    const nodes = nodesOf({ backup: { schedule: '*-*-* 02:00:00', keep: 3, dir: '/srv/b' } });
    const service = nodes.get('backup-timer/write-service');
    expect(
      service?.jobs.map(({ host, step }) => [host, (step.params as { data: { endpoint: string } }).data.endpoint]),
    ).toEqual(hosts.map(({ name, address }) => [name, `https://${address}:2379`]));
    expect(service?.jobs[0]?.step.params).toMatchObject({ data: { keep: 3, dir: '/srv/b' } });
    expect(service?.after.map(({ node }) => node)).toEqual(['backup-timer/check-schedule']);
  });

  test('goes when the schedule does', () => {
    expect([...nodesOf({}).keys()]).toEqual(['backup-timer/remove']);
  });
});
