import { describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { addEtcdLearner } from './members.js';

const params = {
  name: 'node3',
  peerUrl: 'https://10.0.0.3:2380',
  endpoints: ['https://10.0.0.1:2379'],
  dataDir: '/var/lib/etcd',
  service: 'etcd.service',
};
const voter = { ID: 1, name: 'node1', peerURLs: ['https://10.0.0.1:2380'], clientURLs: ['https://10.0.0.1:2379'] };
const own = (over: object = {}) => ({ ID: 2, name: '', peerURLs: [params.peerUrl], isLearner: true, ...over });

/** What `od` shows of a log file: a checksum record, then the metadata with both ids (here below 128, so one byte each). */
function logOf(memberId: number): string {
  const checksum = '04 00 00 00 00 00 00 84 08 04 10 00 00 00 00 00';
  const metadata = `0a 00 00 00 00 00 00 86 08 01 10 07 1a 04 08 0${memberId} 10 09 00 00 00 00 00 00`;
  return ` ${checksum}\n ${metadata}\n`;
}

interface Setting {
  readonly listed?: readonly object[];
  /** Of the member that the data belong to. */
  readonly data?: number;
  readonly running?: boolean;
  /** As `etcdctl alarm list` names them: 1 is NOSPACE, 2 is CORRUPT. */
  readonly alarms?: readonly { readonly memberID?: number; readonly alarm: number }[];
  /** Id of the leader that the member of this host knows. */
  readonly leader?: number;
}

/** A host in some state, on which etcdctl and mv do what they do. */
function trial({ listed = [], data, running = false, leader = 0, alarms = [] }: Setting) {
  let members: readonly { ID?: number; peerURLs?: string[] }[] = [voter, ...listed];
  let owner = data;
  const done: string[] = [];
  const tried = hostTrial({
    services: { 'etcd.service': { load: 'loaded', active: running ? 'active' : 'inactive' } },
    commands: [
      [/member list/, () => JSON.stringify({ members })],
      [/alarm list/, () => JSON.stringify({ alarms })],
      [
        /endpoint status/,
        () => JSON.stringify([{ Endpoint: 'https://127.0.0.1:2379', Status: { header: { member_id: data }, leader } }]),
      ],
      [/od -An/, () => (owner === undefined ? '' : logOf(owner))],
      [
        /member add node3 /,
        () => {
          done.push('add');
          members = [...members, own({ ID: 3 })];
          return '';
        },
      ],
      [
        /member remove 2/,
        () => {
          done.push('remove 2');
          members = members.filter(({ ID }) => ID !== 2);
          return '';
        },
      ],
      [
        /mountpoint -q/,
        () => {
          done.push('aside');
          owner = undefined;
          return '/var/lib/etcd.stale-20260102T030405Z\n';
        },
      ],
      [
        /^systemctl stop etcd/,
        () => {
          done.push('stop');
          return '';
        },
      ],
    ],
  });
  return { ...tried, done };
}

describe('a host that is to become a member', () => {
  test.each<[string, Setting, string, string[]]>([
    ['is fresh', {}, 'is not in the member list', ['add']],
    ['has data of an earlier membership', { data: 5 }, 'the data on it belong to 5', ['aside', 'add']],
    ['runs with data of an earlier membership', { data: 5, running: true }, 'belong to 5', ['stop', 'aside', 'add']],
    ['was added, and has data of an earlier attempt', { listed: [own()], data: 5 }, 'member 2 was added', ['aside']],
    [
      'was a learner and has lost its data',
      { listed: [own({ name: 'node3' })] },
      'the learner 2 has lost its data',
      ['remove 2', 'add'],
    ],
    [
      'was a learner, and has data of an earlier attempt',
      { listed: [own({ name: 'node3' })], data: 5 },
      'the learner 2 has lost its data',
      ['remove 2', 'aside', 'add'],
    ],
  ])('%s', async (_, setting, because, done) => {
    const tried = trial(setting);
    const { first, again } = await tried.play(addEtcdLearner(params));
    expect(first).toMatchObject({ state: 'needed', because: expect.stringContaining(because) });
    expect(again?.state).toBe('satisfied');
    expect(tried.done).toEqual(done);
  });

  test.each<[string, Setting]>([
    ['was added and never started', { listed: [own()] }],
    ['was started, before it could say its name', { listed: [own()], data: 2 }],
    ['is a learner', { listed: [own({ name: 'node3' })], data: 2 }],
    ['votes', { listed: [own({ name: 'node3', isLearner: false })], data: 2 }],
  ])('%s: nothing to do', async (_, setting) => {
    const tried = trial(setting);
    expect((await tried.play(addEtcdLearner(params))).first.state).toBe('satisfied');
    expect(tried.done).toEqual([]);
  });

  test.each<[string, Setting, string]>([
    ['votes, and has no data', { listed: [own({ name: 'node3', isLearner: false })] }, 'are not in /var/lib/etcd'],
    ['votes, and has others', { listed: [own({ name: 'node3', isLearner: false })], data: 5 }, 'votes in etcd as 2'],
    ['serves a cluster of its own', { data: 5, running: true, leader: 6 }, 'serves an etcd of its own'],
    ['has the data of a member with another address', { data: 1 }, 'are those of the member 1'],
  ])('%s: refused', async (_, setting, message) => {
    const tried = trial(setting);
    await expect(tried.play(addEtcdLearner(params))).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      retryable: false,
      message: expect.stringContaining(message),
    });
    expect(tried.done).toEqual([]);
  });

  test.each<[string, Setting, string | undefined]>([
    ['NOSPACE', { alarms: [{ memberID: 1, alarm: 1 }] }, 'kubexm etcd recover-space'],
    ['CORRUPT of the leader', { alarms: [{ memberID: 1, alarm: 2 }], leader: 1 }, 'kubexm etcd alarms'],
    ['CORRUPT of nobody knows whom', { alarms: [{ alarm: 2 }], leader: 1 }, 'kubexm etcd alarms'],
    ['CORRUPT of one that does not lead', { alarms: [{ memberID: 1, alarm: 2 }], leader: 9 }, undefined],
    ['one of a member that is gone', { alarms: [{ memberID: 7, alarm: 2 }], leader: 1 }, undefined],
  ])('the alarm %s', async (_, setting, hint) => {
    const tried = trial(setting);
    const played = tried.play(addEtcdLearner(params));
    if (hint === undefined) await played;
    else await expect(played).rejects.toMatchObject({ code: 'GUARD_REFUSED', hint });
    expect(tried.done).toEqual(hint === undefined ? ['add'] : []);
  });

  test('members that the plan did not know of stop it', async () => {
    const stranger = { ID: 7, name: 'node7', peerURLs: ['https://10.0.0.7:2380'] };
    const tried = trial({ listed: [stranger] });
    const assumed = [{ id: '1', name: 'node1', peerUrl: 'https://10.0.0.1:2380' }];
    await expect(tried.play(addEtcdLearner({ ...params, assumed }))).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      details: [
        'planned with: node1 https://10.0.0.1:2380 (1)',
        'now there are: node1 https://10.0.0.1:2380 (1); node7 https://10.0.0.7:2380 (7)',
      ],
    });
    expect(tried.done).toEqual([]);
  });

  test('is known by what a real etcd wrote first into its log', async () => {
    // od -An -v -tx1 of etcd 3.6.14, whose member id was a874c87fd42044f
    const bytes = `
 04 00 00 00 00 00 00 84 08 04 10 00 00 00 00 00
 1f 00 00 00 00 00 00 81 08 01 10 be bf 88 fd 0f
 1a 15 08 cf 88 88 ea ff 90 d3 c3 0a 10 b2 ea a9
 cd b4 a9 9f c9 bf 01 00 0e 00 00 00 00 00 00 82
 08 05 10 df b3 d6 eb 0e 1a 04 08 00 10 00 00 00
`;
    const member = `{"ID":758659209188475983,"name":"node3","peerURLs":["${params.peerUrl}"],"isLearner":true}`;
    const { precheck } = hostTrial({
      commands: [
        [/member list/, `{"members":[${member}]}`],
        [/od -An/, bytes],
      ],
    });
    expect(await precheck(addEtcdLearner(params))).toMatchObject({
      state: 'satisfied',
      because: 'member a874c87fd42044f has https://10.0.0.3:2380',
    });
  });

  test('a log that does not say whose it is is not nobody’s', async () => {
    const { precheck } = hostTrial({
      commands: [
        [/member list/, JSON.stringify({ members: [voter] })],
        [/od -An/, ' ff ff ff 00 00 00 00 00 08 01\n'],
      ],
    });
    await expect(precheck(addEtcdLearner(params))).rejects.toThrow('does not say which member it belongs to');
  });

  test('a list that cannot be read is not an empty one', async () => {
    const { precheck } = hostTrial({
      commands: [
        [/member list/, { exitCode: 1, stderr: 'no leader' }],
        [/od -An/, ''],
      ],
    });
    await expect(precheck(addEtcdLearner(params))).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});

describe('etcd’s own answer', () => {
  function answering(answers: readonly { exitCode: number; stderr: string }[]) {
    let asked = 0;
    let added = false;
    const tried = hostTrial({
      commands: [
        [/member list/, () => JSON.stringify({ members: added ? [voter, own()] : [voter] })],
        [/alarm list/, '{}'],
        [/od -An/, ''],
        [
          /member add node3 /,
          () => {
            const answer = answers[Math.min(asked, answers.length - 1)];
            asked += 1;
            added = answer?.exitCode === 0;
            return answer ?? {};
          },
        ],
      ],
    });
    return { ...tried, asked: () => asked };
  }

  test('a learner is added when the voters have seen each other for long enough', async () => {
    const early = { exitCode: 1, stderr: 'Error: etcdserver: unhealthy cluster\n' };
    const { play, asked } = answering([early, early, { exitCode: 0, stderr: '' }]);
    expect((await play(addEtcdLearner(params))).again?.state).toBe('satisfied');
    expect(asked()).toBe(3);
  });

  test('any other refusal is a failure at once', async () => {
    const { play, asked } = answering([
      { exitCode: 1, stderr: 'Error: etcdserver: too many learner members in cluster\n' },
    ]);
    await expect(play(addEtcdLearner(params))).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(asked()).toBeLessThan(3);
  });
});
