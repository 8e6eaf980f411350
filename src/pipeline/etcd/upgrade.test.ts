import { describe, expect, test } from 'vitest';
import { type EtcdVersions, upgradeTurns } from '../../module/index.js';
import { planContext, smallCluster } from '../../task/plan-context.fixture.js';
import { defragmentEtcd, recoverSpaceOfEtcd } from './space.js';
import { upgradeEtcd } from './upgrade.js';

const names = ['m1', 'm2', 'm3'];
const ctx = planContext(
  smallCluster({
    hosts: names.map((name, index) => ({ name, address: `10.0.0.1${index + 1}` })),
    roleGroups: { etcd: names, 'control-plane': ['m1'], worker: ['m3'] },
    etcd: { version: 'v3.6.14' },
  }),
);
const MiB = 2 ** 20;

interface Seen {
  readonly version?: string;
  readonly mark?: { readonly from: string; readonly to: string };
  readonly alarms?: readonly string[];
  readonly isLearner?: boolean;
  readonly quotaBytes?: number;
}

/** What was read of m1, m2 and m3; without a version a member does not answer. m2 leads. */
function observed(...seen: readonly Seen[]): EtcdVersions {
  return {
    etcd: {
      membership: 'agreed',
      missing: [],
      failures: [],
      strayAlarms: [],
      members: seen.map(({ version, alarms = [], isLearner = false, quotaBytes }, index) => {
        const name = names[index] ?? '';
        const clientUrl = `https://10.0.0.1${index + 1}:2379`;
        const healthy = version !== undefined;
        return {
          id: `${index + 1}`,
          name,
          host: name,
          peerUrls: [`https://10.0.0.1${index + 1}:2380`],
          clientUrls: [clientUrl],
          isLearner,
          isLeader: name === 'm2',
          alarms,
          healthy,
          ...(healthy ? {} : { error: 'connection refused' }),
          state: {
            endpoint: clientUrl,
            healthy,
            ...(version === undefined
              ? {}
              : {
                  status: {
                    memberId: `${index + 1}`,
                    clusterId: 'c',
                    leaderId: '2',
                    isLearner,
                    version,
                    raftTerm: 2,
                    raftIndex: 10,
                    raftAppliedIndex: 10,
                    revision: 5,
                    dbSizeBytes: 100 * MiB,
                    dbSizeInUseBytes: 10 * MiB,
                    ...(quotaBytes === undefined ? {} : { quotaBytes }),
                    errors: [],
                  },
                }),
          },
        };
      }),
    },
    programs: new Map(
      seen.map(({ version, mark }, index) => [
        names[index] ?? '',
        { installed: `v${version ?? '3.5.35'}`, ...(mark ? { mark } : {}) },
      ]),
    ),
  };
}

const old = { version: '3.5.35' };
const done = { version: '3.6.14' };
const mark = { from: 'v3.5.35', to: 'v3.6.14' };
const turns = (...seen: readonly Seen[]) =>
  upgradeTurns(ctx, { observed: observed(...seen), to: 'v3.6.14' }).map(({ host, state }) => `${host} ${state}`);

describe('the order of an upgrade', () => {
  test('followers first, the leader last', () => {
    expect(turns(old, old, old)).toEqual(['m1 to-do', 'm3 to-do', 'm2 to-do']);
  });

  test('the member whose upgrade was interrupted first, also when it is down', () => {
    expect(turns(done, old, { mark })).toEqual(['m3 interrupted', 'm1 done', 'm2 to-do']);
  });

  test.each([
    ['a member that is down without an upgrade of it', [old, old, {}], /m3 is not healthy/],
    ['a learner', [old, old, { ...old, isLearner: true }], /whole/],
    ['an alarm', [old, old, { ...old, alarms: ['NOSPACE'] }], /whole/],
    ['a newer version', [old, old, { version: '3.6.15' }], /downgrade/],
    [
      'an interrupted upgrade to a newer version',
      [old, old, { mark: { from: 'v3.5.35', to: 'v3.6.15' } }],
      /downgrade/,
    ],
  ])('%s is refused', (_what, seen, message) => {
    expect(() => turns(...seen)).toThrow(message);
  });
});

describe('the plan', () => {
  const nodes = (graph: { readonly nodes: readonly { readonly id: string }[] }) => graph.nodes.map(({ id }) => id);

  test('fetches, brings and saves everything before the first member, then goes one by one', () => {
    const graph = upgradeEtcd({ observed: observed(old, old, old), to: 'v3.6.14' }).plan(ctx);
    expect(nodes(graph)).toMatchInlineSnapshot(`
      [
        "upgrade-etcd/prepare/half-restored/marker",
        "/resource/etcd/v3.6.14/amd64",
        "upgrade-etcd/prepare/prepare-upgrade/upload-etcd",
        "upgrade-etcd/prepare/prepare-upgrade/extract-etcd",
        "upgrade-etcd/prepare/prepare-upgrade/snapshot/save",
        "upgrade-etcd/members/upgrade-members/upgrade-m1",
        "upgrade-etcd/members/upgrade-members/upgrade-m3",
        "upgrade-etcd/members/upgrade-members/upgrade-m2",
        "upgrade-etcd/members/upgrade-members/settle/upload-etcd",
        "upgrade-etcd/members/upgrade-members/settle/extract-etcd",
      ]
    `);
    const first = graph.nodes.find(({ id }) => id.endsWith('upgrade-m1'));
    const before = first?.after.map(({ node }) => node) ?? [];
    expect(before.some((id) => id.endsWith('/snapshot/save'))).toBe(true);
    expect(before.some((id) => id.endsWith('/extract-etcd'))).toBe(true);
  });

  test('of a finished upgrade takes no snapshot', () => {
    const graph = upgradeEtcd({ observed: observed(done, done, done), to: 'v3.6.14' }).plan(ctx);
    expect(nodes(graph).filter((id) => id.includes('snapshot'))).toEqual([]);
  });
});

describe('space', () => {
  const full = { ...done, alarms: ['NOSPACE'] };
  const ids = (seen: readonly Seen[]) =>
    recoverSpaceOfEtcd({ observed: observed(...seen).etcd })
      .plan(ctx)
      .nodes.map(({ id }) => id.replace('recover-etcd-space/space/recover-space/', ''))
      .filter((id) => !id.startsWith('recover-etcd-space/guard/'));

  test('is recovered on every member, the leader last, with the quota of the config', () => {
    const quotaBytes = 8192 * MiB;
    expect(ids([full, full, { ...done, quotaBytes }])).toEqual([
      'quota/config-m1',
      'quota/restart-m1',
      'quota/config-m2',
      'quota/restart-m2',
      'compact',
      'defrag/defrag-m1',
      'defrag/defrag-m3',
      'defrag/defrag-m2',
      'room',
      'disarm',
      'prove-writes',
    ]);
  });

  test('is only looked at without the alarm', () => {
    expect(ids([done, done, done])).toEqual(['room']);
  });

  test.each([
    ['the alarm CORRUPT', [done, done, { ...done, alarms: ['CORRUPT'] }], /differs from the others/],
    ['a member that is away', [full, full, {}], /others are away already/],
  ])('is not recovered with %s', (_what, seen, message) => {
    expect(() => ids(seen)).toThrow(message);
  });

  test('is not given back while a member is away, and only by hosts of etcd', () => {
    const plan = (seen: readonly Seen[], only?: string) =>
      defragmentEtcd({ observed: observed(...seen).etcd, ...(only === undefined ? {} : { only }) }).plan(ctx);
    expect(() => plan([done, done, {}])).toThrow(/others are away already/);
    expect(() => plan([done, done, done], 'w9')).toThrow(/w9 is no host of the role etcd/);
    expect(plan([done, done, done], 'm3').nodes).toHaveLength(2);
  });
});
