import { expect, test, vi } from 'vitest';
import { output } from '../../plan/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { nodeReady } from './node-ready.js';

test('a node is ready when its pods of the given namespaces are, too', async () => {
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
  const pod = (phase: string) => ({
    metadata: { name: 'kube-flannel-ds-x', namespace: 'kube-flannel' },
    spec: { nodeName: 'w1' },
    status: { phase, ...(phase === 'Running' ? ready : {}) },
  });
  let looks = 0;
  const trial = hostTrial({
    commands: [
      [/get node w1 -o json$/, JSON.stringify({ status: ready })],
      [
        /get pods -A --field-selector=spec.nodeName=w1/,
        () => JSON.stringify({ items: [pod((looks += 1) < 2 ? 'Pending' : 'Running')] }),
      ],
    ],
  });
  expect((await trial.precheck(nodeReady({ node: 'w1' }))).state).toBe('satisfied');
  const { first, again } = await trial.play(nodeReady({ node: 'w1', namespaces: ['kube-flannel'] }));
  expect(first).toMatchObject({
    state: 'needed',
    because: expect.stringContaining('kube-flannel-ds-x on w1') as string,
  });
  expect(again?.state).toBe('satisfied');
});

const node = (status: string, kubeletVersion: string) =>
  JSON.stringify({
    status: {
      conditions: [{ type: 'Ready', status, message: 'the network is not ready' }],
      nodeInfo: { kubeletVersion },
    },
  });
const verdict = output<string>('ready:w1');
const asked = nodeReady({ node: 'w1', kubelet: 'v1.34.4', verdict });

test.each([
  [node('False', 'v1.34.4'), 'the network is not ready'],
  // A kubelet that serves and does not reach the API says nothing new there.
  [node('True', 'v1.33.13'), 'it says that its kubelet is v1.33.13, not v1.34.4'],
])('what is said of a node that does not get Ready is told to who asks for it: %#', async (answer, because) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance', 'Date'] });
  try {
    const trial = hostTrial({ commands: [[/get node w1 -o json$/, answer]] });
    const played = trial.play(asked);
    await vi.advanceTimersByTimeAsync(200_000);
    expect((await played).first).toMatchObject({ state: 'needed', because });
    expect(trial.outputs.get('ready:w1')).toBe(because);
  } finally {
    vi.useRealTimers();
  }
});

test('of a node nothing is told while the API does not answer: that is an error', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance', 'Date'] });
  try {
    const trial = hostTrial({ commands: [[/get node w1 -o json$/, { exitCode: 1, stderr: 'connection refused' }]] });
    const played = expect(trial.play(asked)).rejects.toMatchObject({
      message: 'w1 does not become Ready',
      details: ['connection refused'],
    });
    await vi.advanceTimersByTimeAsync(200_000);
    await played;
    expect(trial.outputs.size).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('one that is Ready is told so', async () => {
  const trial = hostTrial({ commands: [[/get node w1 -o json$/, node('True', 'v1.34.4')]] });
  expect((await trial.precheck(asked)).state).toBe('satisfied');
  expect(trial.outputs.get('ready:w1')).toBe('');
});
