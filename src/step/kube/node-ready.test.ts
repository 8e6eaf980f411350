import { expect, test } from 'vitest';
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
