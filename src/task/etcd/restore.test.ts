import { describe, expect, test } from 'vitest';
import type { PreparedRestore, RestoreReport } from '../../common/etcd-restore.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { prepareRestore, type RestoreObservation, restoreEtcd } from './restore.js';

const hosts = ['a', 'b', 'c'].map((name, index) => ({ name, address: `10.0.0.${index + 1}` }));
const cluster = smallCluster({
  hosts,
  roleGroups: { etcd: ['a', 'b', 'c'], 'control-plane': ['a', 'b'], worker: ['c'] },
});
const file = { id: 'T1', path: '/srv/a.db', sha256: 'aa', bump: 1_000_000_000 };
const probe = { keys: 9, kubeSystemUid: 'u', cluster: 'small', namespaces: ['default'], nodes: ['a', 'b', 'c'] };

const there: PreparedRestore = { id: 'T1', sha256: 'aa', members: '', bump: 1, revision: 7, hash: 1, keys: 2 };
const stages: Readonly<Record<string, Partial<RestoreReport>>> = {
  prepared: { prepared: there, holdsFresh: true },
  moving: { prepared: there, holdsFresh: true, olds: ['T1'] },
  placed: { prepared: there, olds: ['T1'] },
  finished: { olds: ['T1'] },
};

function seen(byHost: Readonly<Record<string, string>>, { parked = false } = {}): RestoreObservation {
  const blank: RestoreReport = { marker: null, prepared: null, olds: [], hasData: true, holdsFresh: false, uid: '' };
  return {
    etcd: { membership: 'agreed', members: [], missing: [], strayAlarms: [], failures: [] },
    members: Object.entries(byHost).map(([host, stage]) => ({ host, report: { ...blank, ...stages[stage] } })),
    controlPlanes: ['a', 'b'].map((host) => ({ host, marker: null, parked })),
  };
}

function planned(state: RestoreObservation) {
  const { nodes } = restoreEtcd(file, state, { prepared: [], probe }).plan(planContext(cluster));
  const hostsOf = (name: string) => nodes.get(`restore/${name}`)?.jobs.map(({ host }) => host);
  const after = (name: string) => nodes.get(`restore/${name}`)?.after.map(({ node }) => node.replace('restore/', ''));
  return { names: [...nodes.keys()].map((name) => name.replace('restore/', '')), hostsOf, after };
}

describe('a restore', () => {
  test('stops nothing before all is marked, moves nothing before all is stopped, starts nothing before all is moved', () => {
    const { names, hostsOf, after } = planned(seen({ a: 'prepared', b: 'prepared', c: 'prepared' }));
    expect(names).toEqual([
      'mark',
      'stop-apiservers',
      'stop-etcd',
      'move-data',
      'start-etcd',
      'check-etcd',
      'forget-alarms',
      'count-keys',
      'start-control-planes',
      'verify',
      'verify-nodes',
      'finish',
    ]);
    for (const [index, name] of names.entries())
      expect(after(name)).toEqual(names.slice(Math.max(0, index - 1), index));
    expect(hostsOf('stop-apiservers')).toEqual(['a', 'b']);
    expect(hostsOf('stop-etcd')).toEqual(['a', 'b', 'c']);
    expect(hostsOf('finish')).toEqual(['a', 'b', 'c']);
  });

  test('that was ended while data was moved stops and moves the rest', () => {
    const { hostsOf } = planned(seen({ a: 'placed', b: 'moving', c: 'prepared' }, { parked: true }));
    expect(hostsOf('stop-etcd')).toEqual(['b', 'c']);
    expect(hostsOf('move-data')).toEqual(['b', 'c']);
    expect(hostsOf('start-etcd')).toEqual(['a', 'b', 'c']);
  });

  test('with all data in its place stops nothing again', () => {
    const { names } = planned(seen({ a: 'placed', b: 'placed', c: 'finished' }, { parked: true }));
    expect(names[0]).toBe('start-etcd');
    expect(names).toContain('count-keys');
  });

  test('makes the kubelets register whose nodes the snapshot does not know', () => {
    const { nodes } = restoreEtcd(file, seen({ a: 'prepared' }), {
      prepared: [],
      probe: { ...probe, nodes: ['a'] },
    }).plan(planContext(cluster));
    expect(nodes.get('restore/register')?.jobs.map(({ host }) => host)).toEqual(['b', 'c']);
    expect(nodes.get('restore/verify')?.after.map(({ node }) => node)).toEqual(['restore/register']);
  });

  test('room is looked for on every member before anything else, unless a run before has taken it', () => {
    const planOf = (size: object) => prepareRestore({ ...file, ...size }, undefined).plan(planContext(cluster)).nodes;
    const room = planOf({ size: 7 }).get('prepare/room');
    expect(room?.jobs.map(({ host, step }) => [host, step.params])).toEqual(
      ['a', 'b', 'c'].map((host, index) => [host, { dataDir: '/var/lib/etcd', bytes: 7, copies: index === 0 ? 2 : 1 }]),
    );
    expect(
      planOf({ size: 7 })
        .get('prepare/checksum')
        ?.after.map(({ node }) => node),
    ).toEqual(['prepare/room']);
    expect(planOf({}).get('prepare/room')?.jobs ?? []).toEqual([]);
  });

  test('counts no keys where an apiserver writes again', () => {
    const { names } = planned(seen({ a: 'placed', b: 'placed', c: 'placed' }, { parked: false }));
    expect(names).not.toContain('count-keys');
  });
});

test('before it, the snapshot is restored beside the data of every member, all with one token, and tried on one', () => {
  const { nodes } = prepareRestore(file, undefined).plan(planContext(cluster));
  const jobs =
    nodes.get('prepare/restore-beside')?.jobs.map(({ step }) => step.params as Record<string, unknown>) ?? [];
  expect(jobs.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(new Set(jobs.map(({ token, members }) => `${String(token)} ${String(members)}`))).toEqual(
    new Set(['small-restored-T1 a=https://10.0.0.1:2380,b=https://10.0.0.2:2380,c=https://10.0.0.3:2380']),
  );
  expect(nodes.get('prepare/try')?.jobs.map(({ host }) => host)).toEqual(['a']);
});

test('an external etcd is not restored', () => {
  const external = smallCluster({
    roleGroups: { etcd: [], 'control-plane': ['m1'], worker: ['w1'] },
    etcd: {
      type: 'external',
      external: { endpoints: ['https://10.9.9.1:2379'], caFile: '/c', certFile: '/d', keyFile: '/e' },
    },
  });
  expect(() => prepareRestore(file, undefined).plan(planContext(external))).toThrow('is external');
});

test('a log in a directory of its own would be played onto the restored data: refused before anything', () => {
  const apart = planContext(
    smallCluster({ hosts, roleGroups: cluster.spec.roleGroups, etcd: { extraArgs: { 'wal-dir': '/srv/wal' } } }),
  );
  expect(() => prepareRestore(file, undefined).plan(apart)).toThrow('keeps its log in /srv/wal');
});
