import { describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { clearEtcdData, removeEtcdMember } from './members-remove.js';

const url = (n: number, port: number) => `https://10.0.0.${n}:${port}`;
const member = (n: number) => ({ ID: n, name: `node${n}`, peerURLs: [url(n, 2380)], clientURLs: [url(n, 2379)] });
const params = {
  id: '3',
  name: 'node3',
  endpoints: [url(1, 2379), url(2, 2379)],
  assumed: [1, 2].map((n) => ({ id: String(n), name: `node${n}`, peerUrl: url(n, 2380) })),
};

/** Members 1 to 3; those of `up` answer, and one of them leads. */
function trial({ up = [1, 2, 3], leader = 1, refusals = 0 }: { up?: number[]; leader?: number; refusals?: number }) {
  let members = [member(1), member(2), member(3)];
  let leads = leader;
  let left = refusals;
  const done: string[] = [];
  const status = (endpoint: string) => {
    const n = Number(/10\.0\.0\.(\d)/.exec(endpoint)?.[1]);
    if (!up.includes(n)) return [];
    return [
      { Endpoint: endpoint, Status: { header: { member_id: n }, leader: leads, raftIndex: 9, raftAppliedIndex: 9 } },
    ];
  };
  const tried = hostTrial({
    commands: [
      [/member list/, () => JSON.stringify({ members })],
      [
        /endpoint status/,
        ({ text }) => JSON.stringify((/--endpoints=(\S+)/.exec(text)?.[1] ?? '').split(',').flatMap(status)),
      ],
      [
        /move-leader (\d)/,
        ({ text }) => {
          leads = Number(/move-leader (\d)/.exec(text)?.[1]);
          done.push(`lead to ${leads}`);
          return '';
        },
      ],
      [
        /member remove 3$/,
        () => {
          left -= 1;
          if (left >= 0) return { exitCode: 1, stderr: 'Error: etcdserver: unhealthy cluster' };
          done.push('remove');
          members = members.filter(({ ID }) => ID !== 3);
          return '';
        },
      ],
    ],
  });
  return { ...tried, done, drop: (n: number) => (members = members.filter(({ ID }) => ID !== n)) };
}

describe('removing a member', () => {
  test.each<[string, Parameters<typeof trial>[0], string[]]>([
    ['that follows', {}, ['remove']],
    ['that is dead', { up: [1, 2] }, ['remove']],
    ['that leads: another takes the lead first', { leader: 3 }, ['lead to 1', 'remove']],
    ['as soon as etcd has seen the others for long enough', { refusals: 2 }, ['remove']],
  ])('%s', async (_, setting, done) => {
    const tried = trial(setting);
    const { first, again } = await tried.play(removeEtcdMember(params));
    expect([first.state, again]).toEqual(['needed', { state: 'satisfied', because: '3 is no member' }]);
    expect(tried.done).toEqual(done);
  });

  test('is refused when another has failed since it was planned', async () => {
    const tried = trial({ up: [1, 3] });
    await expect(tried.play(removeEtcdMember(params))).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      details: ['after: 1 of 2 voters healthy, quorum 2: every write would fail'],
    });
    expect(tried.done).toEqual([]);
  });

  test('is refused when the members are others than planned', async () => {
    const tried = trial({});
    tried.drop(2);
    await expect(tried.precheck(removeEtcdMember(params))).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  });
});

describe('the data of a member that is gone', () => {
  const files = { '/var/lib/etcd/member/snap/db': 'data' };
  const commands = [
    [/od -An/, ''],
    [/mountpoint -q/, '/var/lib/etcd.removed-20260102T030405Z\n'],
    [/^systemctl stop/, ''],
  ] as const;
  const step = (wipe: boolean) => clearEtcdData({ dataDir: '/var/lib/etcd', service: 'etcd.service', wipe });

  test('are renamed', async () => {
    const { precheck, ctx, logs } = hostTrial({ files, commands });
    expect(await precheck(step(false))).toMatchObject({ state: 'needed' });
    await step(false).run(ctx, undefined);
    expect(logs.join()).toContain('are kept in /var/lib/etcd.removed-20260102T030405Z');
  });

  test('are deleted where that is asked for', async () => {
    const { play, host } = hostTrial({ files, commands });
    expect((await play(step(true))).again?.state).toBe('satisfied');
    expect(host.files.below('/var/lib/etcd/member')).toEqual([]);
  });

  test('whose log lies elsewhere are gone only with it, also after a run that ended in between', async () => {
    const apart = { dataDir: '/var/lib/etcd', walDir: '/srv/wal', service: 'etcd.service', wipe: true };
    const { play, host } = hostTrial({ files: { '/srv/wal/0.wal': 'log' }, commands });
    expect((await play(clearEtcdData(apart))).first).toMatchObject({ state: 'needed' });
    expect(host.files.below('/srv/wal')).toEqual([]);
  });

  test('that are gone are done', async () => {
    expect((await hostTrial({ commands }).precheck(step(false))).state).toBe('satisfied');
  });
});
