import { describe, expect, test } from 'vitest';
import { type PreparedRestore, type RestoreReport, restoreStage } from '../../common/etcd-restore.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import {
  preparedId,
  refuseHalfRestored,
  requireSameData,
  restoreUnderWay,
  revisionBump,
  whyForeign,
} from './restore-guards.js';

const prepared = (over: Partial<PreparedRestore> = {}): PreparedRestore => ({
  id: 'T1',
  sha256: 'aa',
  members: 'm1=https://10.0.0.11:2380',
  bump: 1_000_000_000,
  revision: 7,
  hash: 42,
  keys: 5,
  ...over,
});
const report = (over: Partial<RestoreReport> = {}): RestoreReport => ({
  marker: null,
  prepared: null,
  olds: [],
  hasData: true,
  holdsFresh: false,
  uid: '',
  ...over,
});

test.each([
  ['untouched', {}],
  ['untouched', { prepared: prepared({ id: 'T0' }), holdsFresh: true }],
  ['prepared', { prepared: prepared(), holdsFresh: true }],
  ['moving', { prepared: prepared(), holdsFresh: true, olds: ['T1'] }],
  ['placed', { prepared: prepared(), holdsFresh: false, olds: ['T1'] }],
  ['finished', { olds: ['T0', 'T1'] }],
] as const)('a host is %s with %j', (stage, over) => {
  expect(restoreStage(report(over), 'T1')).toBe(stage);
});

test.each([
  [100, 0, 1_000_000_000],
  [100, 5000, 1_000_000_000],
  [100, 999_999_999, 1_000_000_000],
  // Restored before: the running cluster is a bump ahead of an old snapshot.
  [100, 1_000_000_100, 2_000_000_000],
  [100, 2_000_000_500, 3_000_000_000],
  [2_000_000_500, 2_000_000_600, 1_000_000_000],
])('a snapshot at %i with %i seen is bumped by %i', (snapshot, newest, bump) => {
  expect(revisionBump(snapshot, newest)).toBe(bump);
  expect(snapshot + bump).toBeGreaterThan(newest);
});

describe('a restore that is half done', () => {
  const marker = { id: 'T1', sha256: 'aa', file: '/srv/a.db' };

  test('goes on with its own snapshot, whichever host remembers it', () => {
    const hosts = [
      { host: 'm1', marker: null },
      { host: 'm2', marker },
    ];
    expect(restoreUnderWay(hosts, 'aa')).toEqual(marker);
    expect(restoreUnderWay([{ host: 'm1', marker: null }], 'aa')).toBeUndefined();
  });

  test('refuses another one, and names its own', () => {
    expect(() => restoreUnderWay([{ host: 'm2', marker }], 'bb')).toThrow(
      expect.objectContaining({
        code: 'GUARD_REFUSED',
        hint: expect.stringContaining('kubexm etcd restore /srv/a.db'),
      }),
    );
  });

  test('keeps everything else from working on etcd', () => {
    const there = { m1: { leftovers: ['/var/lib/kubexm/etcd-restore/marker.json'] } };
    expect(() => refuseHalfRestored.plan(planContext(smallCluster(), { facts: there }))).toThrow('half done on m1');
    expect(() => refuseHalfRestored.plan(planContext(smallCluster()))).not.toThrow();
  });
});

describe('what was prepared', () => {
  test('serves again as long as nothing was moved', () => {
    const one = { host: 'm1', report: report({ prepared: prepared(), holdsFresh: true }) };
    expect(preparedId([one], 'aa')).toBe('T1');
    expect(preparedId([one], 'bb')).toBeUndefined();
    expect(preparedId([one, { host: 'm2', report: report({ olds: ['T1'] }) }], 'aa')).toBeUndefined();
  });

  test('must be the same on all members', () => {
    const m1 = { host: 'm1', data: prepared() };
    expect(() => requireSameData([m1, { host: 'm2', data: prepared() }])).not.toThrow();
    expect(() => requireSameData([m1, { host: 'm2', data: prepared({ hash: 43 }) }])).toThrow(
      'restored different data',
    );
    expect(() => requireSameData([m1, { host: 'm2', data: prepared({ bump: 2 }) }])).toThrow('restored different data');
  });
});

describe('whose a snapshot is', () => {
  const probe = (kubeSystemUid: string, cluster: string) => ({
    keys: 9,
    namespaces: [],
    nodes: [],
    kubeSystemUid,
    cluster,
  });
  const metadata = (cluster: string) => ({ cluster }) as Parameters<typeof whyForeign>[0]['metadata'] & object;

  test.each([
    ['the uid of the running cluster', { probe: probe('u1', 'demo'), uids: ['u1'] }],
    ['the uid that was recorded', { probe: probe('u1', ''), uids: ['u2', 'u1'] }],
    ['the uid, whatever the names', { probe: probe('u1', 'old-name'), uids: ['u1'], metadata: metadata('old-name') }],
    ['the name that kubeadm wrote', { probe: probe('u1', 'demo'), uids: [] }],
    ['the name in its metadata', { probe: probe('', ''), uids: ['u1'], metadata: metadata('demo') }],
  ])('told by %s', (_, given) => {
    expect(whyForeign({ clusterName: 'demo', ...given })).toBeUndefined();
  });

  test.each([
    ['another uid, the same name', { probe: probe('u9', 'demo'), uids: ['u1'] }, /uid u9, that of this cluster is u1/],
    ['another name in it', { probe: probe('', 'other'), uids: ['u1'] }, /of the cluster other, this one is demo/],
    [
      'another name in its metadata',
      { probe: probe('', 'demo'), uids: [], metadata: metadata('other') },
      /cluster other/,
    ],
    ['nothing that tells', { probe: probe('', ''), uids: ['u1'] }, /neither its metadata nor its content/],
  ])('refused with %s', (_, given, because) => {
    expect(whyForeign({ clusterName: 'demo', ...given })).toMatch(because);
  });
});
