import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { addEtcdLearner } from './members.js';

const params = { name: 'node3', peerUrl: 'https://10.0.0.3:2380', endpoints: ['https://10.0.0.1:2379'] };
const voter = { ID: 1, name: 'node1', peerURLs: ['https://10.0.0.1:2380'], clientURLs: ['https://10.0.0.1:2379'] };

function trial(answers: readonly { exitCode: number; stderr: string }[]) {
  let asked = 0;
  let added = false;
  const tried = hostTrial({
    commands: [
      [
        /member list/,
        () => JSON.stringify({ members: added ? [voter, { ID: 2, peerURLs: [params.peerUrl] }] : [voter] }),
      ],
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
  const { play, asked } = trial([early, early, { exitCode: 0, stderr: '' }]);
  expect((await play(addEtcdLearner(params))).again?.state).toBe('satisfied');
  expect(asked()).toBe(3);
});

test('any other refusal is a failure at once', async () => {
  const { play, asked } = trial([{ exitCode: 1, stderr: 'Error: etcdserver: too many learner members in cluster\n' }]);
  await expect(play(addEtcdLearner(params))).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  expect(asked()).toBeLessThan(3);
});
