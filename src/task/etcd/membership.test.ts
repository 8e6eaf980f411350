import { describe, expect, test } from 'vitest';
import { defineModule } from '../../module/module.js';
import { definePipeline } from '../../pipeline/define.js';
import { fakeFacts } from '../../runner/fake-facts.js';
import type { HostFacts } from '../../step/index.js';
import type { Task } from '../context.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { addMembers, beforeAdding, forecastAdd } from './add-member.js';
import { type MemberSketch, observedEtcd } from './membership.fixture.js';
import type { EtcdObservation } from './observation.js';
import { beforeRemoving, forecastRemove, removeMember } from './remove-member.js';
import { beforeReplacing, forecastReplace, replaceMember } from './replace-member.js';

const names = ['a', 'b', 'c', 'd', 'e'];
const serving = { leftovers: ['/etc/kubernetes/admin.conf'] };

/** Five hosts, the first two control planes; etcd on `etcd`. Those of `down` do not answer. */
function contextOf(etcd: readonly string[], down: readonly string[] = []) {
  const facts: Record<string, Partial<HostFacts>> = { a: serving, b: serving };
  const cluster = smallCluster({
    hosts: names.map((name, index) => ({ name, address: `10.0.0.${index + 1}` })),
    roleGroups: { etcd, 'control-plane': ['a', 'b'], worker: ['a'] },
  });
  const ctx = planContext(cluster, { facts });
  // A host that leaves is asked although it has no role any more.
  const all = new Map(names.map((name) => [name, ctx.facts.get(name) ?? fakeFacts(name, {})]));
  return { ...ctx, facts: new Map([...all].filter(([name]) => !down.includes(name))) };
}

/** What is done where, in an order in which it could be done; without what only prepares the hosts. */
function planned(ctx: ReturnType<typeof contextOf>, gate: Task, task: Task): string[] {
  const pipeline = definePipeline('change', {
    gate: defineModule('gate', [gate]),
    modules: [defineModule('members', [task])],
  });
  return pipeline
    .plan(ctx)
    .nodes.flatMap(({ id, jobs }) => jobs.map(({ host, step }) => ({ id, host, kind: step.kind, params: step.params })))
    .filter(({ kind }) => /^(etcd\.(?!health|backup|restore)|kube\.static-pods)/.test(kind))
    .map(({ host, kind, params }) => {
      if (kind !== 'kube.static-pods') return `${kind} ${host}`;
      const urls = JSON.stringify(params).match(/10\.0\.0\.(\d):2379/g) ?? [];
      return `${kind} ${host}: ${urls.map((url) => names[Number(url[7]) - 1]).join('')}`;
    });
}

const add = (
  etcd: readonly string[],
  members: readonly MemberSketch[],
  hosts: readonly string[],
  down: readonly string[] = [],
  strays: EtcdObservation['strayAlarms'] = [],
) => {
  const ctx = contextOf(etcd, down);
  const params = { hosts, observed: observedEtcd(ctx, members, 'agreed', strays), snapshot: true };
  return { lines: forecastAdd(ctx, params), steps: planned(ctx, beforeAdding(params), addMembers(params)) };
};
const remove = (
  etcd: readonly string[],
  members: readonly MemberSketch[],
  which: string,
  down: readonly string[] = [],
  strays: EtcdObservation['strayAlarms'] = [],
) => {
  const ctx = contextOf(etcd, down);
  const params = { which, wipeData: false, observed: observedEtcd(ctx, members, 'agreed', strays), snapshot: true };
  return { lines: forecastRemove(ctx, params), steps: planned(ctx, beforeRemoving(params), removeMember(params)) };
};
const replace = (
  etcd: readonly string[],
  members: readonly MemberSketch[],
  [old, by]: [string, string],
  down: readonly string[] = [],
  strays: EtcdObservation['strayAlarms'] = [],
) => {
  const ctx = contextOf(etcd, down);
  const params = { old, by, wipeData: false, observed: observedEtcd(ctx, members, 'agreed', strays), snapshot: true };
  return { lines: forecastReplace(ctx, params), steps: planned(ctx, beforeReplacing(params), replaceMember(params)) };
};

const voters = (...hosts: readonly string[]): MemberSketch[] => hosts.map((host) => ({ host }));
const gate = ['etcd.members-assumed a', 'etcd.snapshot b'];
const join = (host: string) =>
  ['etcd.member-add', 'etcd.config', 'etcd.reconfigure-member', 'etcd.member-promote'].map((kind) => `${kind} ${host}`);
const tell = (members: string) => [`kube.static-pods a: ${members}`, `kube.static-pods b: ${members}`];

describe('adding members', () => {
  test('is done on the new hosts one after the other; the apiservers are told last', () => {
    const { lines, steps } = add(['a', 'b', 'c', 'd', 'e'], voters('a', 'b', 'c'), ['d', 'e']);
    expect(steps).toEqual([...gate, ...join('d'), ...join('e'), ...tell('abcde')]);
    expect(lines).toEqual([
      'now: 3 of 3 voters healthy, quorum 2',
      'with d: 4 of 4 voters healthy, quorum 3; 1 may fail',
      'with e: 5 of 5 voters healthy, quorum 3; 2 may fail',
    ]);
  });

  test('that an earlier run has begun goes on', () => {
    for (const half of [
      { host: 'd', started: false, isLearner: true, healthy: false },
      { host: 'd', isLearner: true },
    ])
      expect(add(['a', 'b', 'c', 'd'], [...voters('a', 'b', 'c'), half], ['d']).steps).toEqual([
        ...gate,
        ...join('d'),
        ...tell('abcd'),
      ]);
    const { lines, steps } = add(['a', 'b', 'c', 'd'], voters('a', 'b', 'c', 'd'), ['d']);
    expect(lines).toEqual(['now: 4 of 4 voters healthy, quorum 3']);
    expect(steps.slice(-2)).toEqual(tell('abcd'));
  });

  test.each<[string, readonly string[], readonly MemberSketch[], string, string]>([
    ['a host without the role', ['a', 'b', 'c'], voters('a', 'b', 'c'), 'CONFIG_INVALID', 'has not the role etcd'],
    [
      'too few healthy',
      ['a', 'b', 'c', 'd'],
      [...voters('a', 'b'), { host: 'c', healthy: false }],
      'GUARD_REFUSED',
      'cannot take d',
    ],
    [
      'another learner',
      ['a', 'b', 'c', 'd', 'e'],
      [...voters('a', 'b', 'c'), { host: 'e', isLearner: true }],
      'GUARD_REFUSED',
      'half added',
    ],
    [
      'another version',
      ['a', 'b', 'c', 'd'],
      voters('a', 'b', 'c').map((each) => ({ ...each, version: '3.5.35' })),
      'GUARD_REFUSED',
      'run etcd 3.5.35',
    ],
  ])('is refused for %s', (_, etcd, members, code, message) => {
    expect(() => add(etcd, members, ['d'])).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  test('is refused without a quorum', () => {
    const ctx = contextOf(['a', 'b', 'c', 'd']);
    const observed = observedEtcd(ctx, voters('a', 'b', 'c'), 'stale');
    expect(() => forecastAdd(ctx, { hosts: ['d'], observed })).toThrow('etcd has no quorum');
  });

  test('says what to write into the config', () => {
    expect(() => add(['a', 'b', 'c'], voters('a', 'b', 'c'), ['d', 'x'])).toThrow(
      expect.objectContaining({
        details: [
          'add to spec.hosts:      - { name: x, address: <its address> }',
          'change spec.roleGroups: etcd: [a, b, c, d, x]',
        ],
      }),
    );
  });
});

describe('removing a member', () => {
  test('begins with the apiservers and ends on its host', () => {
    const { lines, steps } = remove(['a', 'b', 'c'], voters('a', 'b', 'c'), 'c');
    expect(steps).toEqual([...gate, ...tell('ab'), 'etcd.member-remove a', 'etcd.data-clear c']);
    expect(lines.at(-1)).toBe('after: 2 of 2 voters healthy, quorum 2; none may fail');
  });

  test('needs nothing of a dead host, and another member speaks for the cluster', () => {
    const { steps } = remove(['a', 'b', 'c'], [{ host: 'a', healthy: false }, ...voters('b', 'c')], 'a', ['a']);
    expect(steps).toEqual([
      'etcd.members-assumed b',
      'etcd.snapshot b',
      'kube.static-pods b: bc',
      'etcd.member-remove b',
    ]);
  });

  test('works for one that is no host of the config, by name and by id', () => {
    for (const which of ['x', 'cccc'])
      expect(remove(['a', 'b'], voters('a', 'b', 'x'), which).steps).toEqual([
        ...gate,
        ...tell('ab'),
        'etcd.member-remove a',
      ]);
  });

  test('that is removed already cleans its host', () => {
    expect(remove(['a', 'b', 'c'], voters('a', 'b'), 'c').steps).toEqual([...gate, ...tell('ab'), 'etcd.data-clear c']);
  });

  test.each<[string, readonly MemberSketch[], string, string, string]>([
    ['the last one', voters('a'), 'a', 'GUARD_REFUSED', 'last member'],
    ['one that others need', [...voters('a', 'b'), { host: 'c', healthy: false }], 'b', 'GUARD_REFUSED', 'no quorum'],
    ['one that there is not', voters('a', 'b'), 'zz', 'USAGE', 'no member zz'],
  ])('is refused for %s', (_, members, which, code, message) => {
    expect(() => remove(['a', 'b', 'c'], members, which)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

describe('replacing a member', () => {
  test('that is dead: it goes first', () => {
    const { lines, steps } = replace(
      ['a', 'b', 'd'],
      [...voters('a', 'b'), { host: 'c', healthy: false }],
      ['c', 'd'],
      ['c'],
    );
    expect(steps).toEqual([...gate, 'etcd.member-remove a', ...join('d'), ...tell('abd')]);
    expect(lines).toEqual([
      'now: 2 of 3 voters healthy, quorum 2',
      'without c: 2 of 2 voters healthy, quorum 2; none may fail',
      'with d: 3 of 3 voters healthy, quorum 2; 1 may fail',
    ]);
  });

  test('that is alive: it goes last', () => {
    const { lines, steps } = replace(['a', 'b', 'd'], voters('a', 'b', 'c'), ['c', 'd']);
    expect(steps).toEqual([...gate, ...join('d'), ...tell('abd'), 'etcd.member-remove a', 'etcd.data-clear c']);
    expect(lines.slice(-2)).toEqual([
      'with d: 4 of 4 voters healthy, quorum 3; 1 may fail',
      'without c: 3 of 3 voters healthy, quorum 2; 1 may fail',
    ]);
  });

  test('by itself: its data on the host are not cleaned, but moved when it joins', () => {
    const { steps } = replace(['a', 'b', 'c'], [...voters('a', 'b'), { host: 'c', healthy: false }], ['c', 'c']);
    expect(steps).toEqual([...gate, 'etcd.member-remove a', ...join('c'), ...tell('abc')]);
  });

  test.each<[string, readonly MemberSketch[]]>([
    ['is gone', voters('a', 'b')],
    ['is added', [...voters('a', 'b'), { host: 'c', started: false, isLearner: true, healthy: false }]],
    ['is a learner', [...voters('a', 'b'), { host: 'c', isLearner: true }]],
    ['votes', voters('a', 'b', 'c')],
  ])('by itself, begun: it %s', (_, members) => {
    expect(replace(['a', 'b', 'c'], members, ['c', 'c']).steps).toEqual([...gate, ...join('c'), ...tell('abc')]);
  });

  test('is refused where the others have no quorum', () => {
    const members = [...voters('a'), { host: 'b', healthy: false }, { host: 'c', healthy: false }];
    expect(() => replace(['a', 'b', 'd'], members, ['c', 'd'])).toThrow('without c etcd would have no quorum');
  });
});

describe('under an alarm', () => {
  const etcd = ['a', 'b', 'c'];
  const corrupt = (host: string, over: Partial<MemberSketch> = {}): MemberSketch => ({
    host,
    alarms: ['CORRUPT'],
    ...over,
  });
  const full = (host: string): MemberSketch => ({ host, alarms: ['NOSPACE'] });
  const gone = { memberId: 'dead', alarm: 'CORRUPT' };
  const forget = 'etcd.alarm-forget a';

  test('CORRUPT a member is replaced by itself as if it were lost, and its alarm goes with it', () => {
    const { lines, steps } = replace(etcd, [...voters('a', 'b'), corrupt('c')], ['c', 'c']);
    expect(steps).toEqual([...gate, 'etcd.member-remove a', forget, ...join('c'), ...tell('abc')]);
    expect(lines).toEqual([
      'now: 2 of 3 voters healthy, quorum 2',
      'without c: 2 of 2 voters healthy, quorum 2; none may fail',
      'with c: 3 of 3 voters healthy, quorum 2; 1 may fail',
    ]);
  });

  test('CORRUPT of the first member: another speaks, and the snapshot is another one’s', () => {
    const { steps } = replace(etcd, [corrupt('a'), ...voters('b', 'c')], ['a', 'a']);
    expect(steps.slice(0, 4)).toEqual([
      'etcd.members-assumed b',
      'etcd.snapshot b',
      'etcd.member-remove b',
      'etcd.alarm-forget b',
    ]);
  });

  test('CORRUPT a member is replaced by another host: it goes first', () => {
    const { steps } = replace(['a', 'b', 'd'], [...voters('a', 'b'), corrupt('c')], ['c', 'd']);
    expect(steps.slice(2)).toEqual(['etcd.member-remove a', forget, ...join('d'), ...tell('abd'), 'etcd.data-clear c']);
  });

  test('a replacement that was interrupted after the removal disarms what is left', () => {
    expect(replace(etcd, voters('a', 'b'), ['c', 'c'], [], [gone]).steps).toEqual([
      ...gate,
      forget,
      ...join('c'),
      ...tell('abc'),
    ]);
  });

  test('CORRUPT of two of five: one after the other, the leader first; the apiservers wait for the last', () => {
    const five = [...voters('a', 'b', 'c'), corrupt('d'), corrupt('e')];
    const { lines, steps } = replace(names, five, ['d', 'd']);
    expect(steps).toEqual([...gate, 'etcd.member-remove a', forget, ...join('d')]);
    expect(lines.join()).toContain('the apiservers are not told as long as the alarm CORRUPT is raised');
    const led = [...voters('a', 'b', 'c').map((each) => ({ ...each, isLeader: false })), corrupt('d')];
    expect(() => replace(names, [...led, corrupt('e', { isLeader: true })], ['d', 'd'])).toThrow(
      expect.objectContaining({ hint: 'kubexm etcd replace-member e' }),
    );
  });

  test('a member that CORRUPT and death leave alone is not replaced: there is no quorum of whole data', () => {
    expect(() => replace(etcd, [...voters('a'), corrupt('b'), corrupt('c')], ['c', 'c'])).toThrow(
      'without c etcd would have no quorum',
    );
  });

  test('a member leaves, also the one that has the alarm; the alarm goes before the apiservers are told', () => {
    expect(remove(etcd, [...voters('a', 'b'), corrupt('c')], 'c').steps.slice(2)).toEqual([
      'etcd.member-remove a',
      forget,
      ...tell('ab'),
      'etcd.data-clear c',
    ]);
    const { steps, lines } = remove(etcd, [...voters('a'), full('b'), { host: 'c', healthy: false }], 'c', ['c']);
    expect(steps.slice(2)).toEqual(['etcd.member-remove a']);
    expect(lines.join()).toContain('the apiservers are not told as long as the alarm NOSPACE is raised');
  });

  test('an alarm that a removed member left is disarmed by its id', () => {
    const { steps } = remove(etcd, voters('a', 'b', 'c'), 'dead', [], [gone]);
    expect(steps).toEqual([...gate, forget, ...tell('abc')]);
  });

  test.each<[string, () => unknown, string]>([
    [
      'added under NOSPACE',
      () => add([...etcd, 'd'], [...voters('a', 'b'), full('c')], ['d']),
      'kubexm etcd recover-space, then run the same command again',
    ],
    [
      'added beside CORRUPT',
      () => add([...etcd, 'd'], [...voters('a', 'b'), corrupt('c')], ['d']),
      'kubexm etcd replace-member c',
    ],
    [
      'added after a CORRUPT that is gone',
      () => add([...etcd, 'd'], voters(...etcd), ['d'], [], [gone]),
      'kubexm etcd remove-member dead',
    ],
    [
      'added where etcd cannot tell who is CORRUPT',
      () => add([...etcd, 'd'], voters(...etcd), ['d'], [], [{ memberId: '0', alarm: 'CORRUPT' }]),
      'kubexm etcd alarms',
    ],
    [
      'replaced under NOSPACE of another',
      () => replace(etcd, [full('a'), ...voters('b'), corrupt('c')], ['c', 'c']),
      'kubexm etcd remove-member c; then kubexm etcd recover-space; then kubexm etcd add-member c',
    ],
    [
      'removed before one that is CORRUPT',
      () => remove(etcd, [...voters('a', 'b'), corrupt('c')], 'b'),
      'kubexm etcd replace-member c',
    ],
  ])('nobody is %s', (_, change, hint) => {
    expect(change).toThrow(expect.objectContaining({ code: 'GUARD_REFUSED', hint }));
  });
});
