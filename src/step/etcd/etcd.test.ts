import { describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { parseMemberList } from './etcdctl.js';
import { checkEtcdHealth } from './health.js';
import { promoteEtcdMember } from './members.js';

const m1 = { name: 'm1', peerUrl: 'https://10.0.0.1:2380' };
const m2 = { name: 'm2', peerUrl: 'https://10.0.0.2:2380' };
const endpoints = ['https://10.0.0.1:2379'];

interface Listed {
  readonly name: string;
  readonly peerUrl: string;
  readonly learner?: boolean;
}

const listOf = (members: readonly Listed[]) =>
  JSON.stringify({
    members: members.map(({ name, peerUrl, learner }, index) => ({
      ID: index + 10,
      ...(name === '' ? {} : { name }),
      peerURLs: [peerUrl],
      ...(learner ? { isLearner: true } : {}),
    })),
  });

const list = (members: readonly Listed[]): readonly [RegExp, FakeAnswer] => [/member list -w json$/, listOf(members)];
const health = (...healthy: readonly boolean[]): readonly [RegExp, FakeAnswer] => [
  /endpoint health -w json$/,
  {
    exitCode: healthy.every(Boolean) ? 0 : 1,
    stdout: JSON.stringify(
      healthy.map((each, index) => ({
        endpoint: `https://10.0.0.${index + 1}:2379`,
        health: each,
        ...(each ? {} : { error: 'context deadline exceeded' }),
      })),
    ),
  },
];

describe('the member list', () => {
  test('keeps all digits of its ids', () => {
    const text = '{"header":{"cluster_id":14841639068965178418},"members":[{"ID":10276657743932975437,"peerURLs":[]}]}';
    expect(parseMemberList(text, 'm1')).toEqual([
      { id: '8e9e05c52164694d', name: '', peerUrls: [], clientUrls: [], isLearner: false },
    ]);
  });

  test.each(['', 'Error: context deadline exceeded', '{"header":{}}'])('that is %j is no empty one', (text) => {
    expect(() => parseMemberList(text, 'm1')).toThrow('m1: etcdctl member list');
  });
});

describe('promoteEtcdMember', () => {
  const step = promoteEtcdMember({ ...m2, endpoints });

  test('asks until the learner is in sync', async () => {
    const members: Listed[] = [m1, { ...m2, learner: true }];
    let asked = 0;
    const trial = hostTrial({
      commands: [
        [/member list/, () => listOf(members)],
        [
          /member promote b$/,
          () => {
            asked += 1;
            if (asked === 1) return { exitCode: 1, stderr: 'can only promote a learner member which is in sync' };
            members[1] = m2;
            return '';
          },
        ],
      ],
    });
    expect((await trial.play(step)).again).toEqual({ state: 'satisfied', because: 'member b votes' });
    expect(asked).toBe(2);
  });

  test('one that was promoted while nobody heard of it is through', async () => {
    const members: Listed[] = [m1, { ...m2, learner: true }];
    const promote = () => {
      members[1] = m2;
      return { exitCode: 1, stderr: '{"level":"warn"}\nError: etcdserver: can only promote a learner member\n' };
    };
    const trial = hostTrial({
      commands: [
        [/member list/, () => listOf(members)],
        [/member promote b$/, promote],
      ],
    });
    expect((await trial.play(step)).again).toEqual({ state: 'satisfied', because: 'member b votes' });
  });

  test('a voter is left alone', async () => {
    expect((await hostTrial({ commands: [list([m1, m2])] }).play(step)).first.state).toBe('satisfied');
  });

  test('a member that vanished is an error that no second try mends', async () => {
    const trial = hostTrial({ commands: [list([m1])] });
    await expect(trial.precheck(step)).rejects.toMatchObject({ code: 'COMMAND_FAILED', retryable: false });
  });
});

describe('checkEtcdHealth', () => {
  const two = ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'];
  const step = checkEtcdHealth({ endpoints: two, members: [m1, m2], waitMs: 0 });

  test('healthy endpoints and the members of the plan', async () => {
    const trial = hostTrial({ commands: [health(true, true), list([m1, m2])] });
    expect((await trial.play(step)).first).toEqual({ state: 'satisfied', because: 'all endpoints are healthy' });
  });

  test.each([
    [[m1], 'm2 (https://10.0.0.2:2380) is not a member'],
    [[m1, { ...m2, name: '' }], 'm2 (https://10.0.0.2:2380) was added and never started'],
    [[m1, { ...m2, learner: true }], 'm2 is still a learner'],
    [
      [m1, m2, { name: 'm9', peerUrl: 'https://10.0.0.9:2380' }],
      'm9 (https://10.0.0.9:2380) is a member and no host of the role etcd',
    ],
  ])('members that differ from the plan: %#', async (members, problem) => {
    const trial = hostTrial({ commands: [health(true, true), list(members)] });
    expect(await trial.precheck(step)).toMatchObject({ state: 'needed', because: problem });
    await expect(trial.play(step)).rejects.toMatchObject({ code: 'WAIT_TIMEOUT', details: [problem] });
  });

  test('an endpoint that is not healthy is named, and the members are not asked', async () => {
    const trial = hostTrial({ commands: [health(true, false)] });
    expect(await trial.precheck(step)).toMatchObject({
      because: 'https://10.0.0.2:2379 is not healthy: context deadline exceeded',
    });
  });

  const alarmed = (alarm: string): readonly [RegExp, FakeAnswer] => [
    /endpoint health/,
    {
      exitCode: 1,
      stdout: JSON.stringify(two.map((endpoint) => ({ endpoint, health: false, error: `Active Alarm(s): ${alarm} ` }))),
    },
  ];

  test('an alarm is told, and is nothing to wait for', async () => {
    const trial = hostTrial({ commands: [alarmed('NOSPACE'), list([m1, m2])] });
    expect(await trial.precheck(step)).toEqual({
      state: 'satisfied',
      because: 'all endpoints are healthy; the alarm NOSPACE is raised',
    });
    expect(trial.logs).toEqual(['warn: the alarm NOSPACE is raised: kubexm etcd recover-space']);
  });

  test.each([
    ['NOSPACE', 'kubexm etcd recover-space'],
    ['CORRUPT', 'kubexm etcd alarms'],
  ])('the alarm %s is refused before writes', async (alarm, hint) => {
    const trial = hostTrial({ commands: [alarmed(alarm), list([m1, m2])] });
    const refusal = { code: 'GUARD_REFUSED', message: expect.stringContaining(`the alarm ${alarm} is raised`), hint };
    await expect(trial.precheck(checkEtcdHealth({ endpoints: two, writes: true }))).rejects.toMatchObject(refusal);
  });

  test('a member list that cannot be read during an election is asked for again', async () => {
    let asked = 0;
    const answer = () => {
      asked += 1;
      return asked < 3 ? { exitCode: 1, stderr: 'Error: etcdserver: leader changed' } : listOf([m1, m2]);
    };
    const trial = hostTrial({ commands: [health(true, true), [/member list/, answer]] });
    const { first } = await trial.play(checkEtcdHealth({ endpoints: two, members: [m1, m2], waitMs: 5000 }));
    expect(first).toMatchObject({ because: 'etcdctl member list failed: Error: etcdserver: leader changed' });
    expect(asked).toBe(3);
  });

  test('no answer at all is not health', async () => {
    const trial = hostTrial({ commands: [[/endpoint health/, { exitCode: 127, stderr: 'etcdctl: not found' }]] });
    expect(await trial.precheck(step)).toMatchObject({
      because: 'etcdctl endpoint health gave no answer: etcdctl: not found',
    });
  });
});
