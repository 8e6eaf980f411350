import { describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { cordonNode, drainNode, uncordonNode } from './drain.js';
import { unusedImages } from './node-images.js';
import { budgetsOf, type PodObject, podsToEvict } from './pods-to-evict.js';

const pod = (name: string, more: Partial<PodObject['metadata']> = {}, phase = 'Running'): PodObject => ({
  metadata: {
    name,
    namespace: 'web',
    uid: `uid-${name}`,
    labels: { app: 'web' },
    ownerReferences: [{ kind: 'ReplicaSet', controller: true }],
    ...more,
  },
  status: { phase },
});
const budget = {
  metadata: { name: 'web', namespace: 'web' },
  spec: { selector: { matchLabels: { app: 'web' } } },
  status: { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2 },
};

describe('pods that move', () => {
  test('all but those of the node itself, and the finished', () => {
    const pods = [
      pod('a'),
      pod('proxy', { ownerReferences: [{ kind: 'DaemonSet', controller: true }] }),
      pod('apiserver', { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
      pod('job', {}, 'Succeeded'),
      pod('alone', { ownerReferences: [] }),
    ];
    const { evict, unmanaged } = podsToEvict(pods);
    expect(evict.map(({ metadata }) => metadata.name)).toEqual(['a', 'alone']);
    expect(unmanaged.map(({ metadata }) => metadata.name)).toEqual(['alone']);
  });

  test('budgets that cover a pod', () => {
    expect(budgetsOf(pod('a'), [budget])).toEqual(['web/web (2 healthy pods are needed, there are 2)']);
    expect(budgetsOf(pod('a', { labels: { app: 'db' } }), [budget])).toEqual([]);
    expect(budgetsOf(pod('a', { namespace: 'db' }), [budget])).toEqual([]);
  });
});

/** A cluster with these pods on w1; `refuse` says which evictions the API refuses. */
function cluster(pods: PodObject[], refuse: (name: string) => boolean = () => false) {
  const node = { metadata: { annotations: {} as Record<string, string> }, spec: {} as { unschedulable?: boolean } };
  const asked: string[] = [];
  const trial = hostTrial({
    commands: [
      [/^said=/, ({ text }: { text: string }) => evicted(text)],
      [/get pods -A/, () => JSON.stringify({ items: pods })],
      [/get poddisruptionbudgets/, JSON.stringify({ items: [budget] })],
      [/get node w1/, () => JSON.stringify(node)],
      [
        /patch node w1/,
        ({ stdin }: { stdin?: string }) => {
          const patch = JSON.parse(stdin ?? '{}') as {
            metadata: { annotations: Record<string, string | null> };
            spec: { unschedulable: boolean | null };
          };
          for (const [key, value] of Object.entries(patch.metadata.annotations)) {
            if (value === null) delete node.metadata.annotations[key];
            else node.metadata.annotations[key] = value;
          }
          if (patch.spec.unschedulable === null) delete node.spec.unschedulable;
          else node.spec.unschedulable = patch.spec.unschedulable;
          return '';
        },
      ],
    ] as never,
  });
  function evicted(command: string): string {
    const names = [...command.matchAll(/pods\/([\w-]+)\/eviction/g)].map(([, name = '']) => name);
    return names
      .map((name) => {
        asked.push(name);
        if (refuse(name)) {
          return "@@1 Error from server (TooManyRequests): Cannot evict pod as it would violate the pod's disruption budget.";
        }
        const at = pods.findIndex(({ metadata }) => metadata.name === name);
        if (at >= 0) pods.splice(at, 1);
        return '@@0 ';
      })
      .join('\n');
  }
  return { trial, node, asked };
}

describe('drainNode', () => {
  test('evicts, and is satisfied with an empty node', async () => {
    const { trial, asked } = cluster([pod('a'), pod('b')]);
    const { first, again } = await trial.play(drainNode({ node: 'w1', timeoutSeconds: 5 }));
    expect(first).toMatchObject({ state: 'needed', because: '2 pods are to be moved' });
    expect(again).toEqual({ state: 'satisfied', because: 'no pods are to be moved' });
    expect(asked).toEqual(['a', 'b']);
  });

  test('a budget is asked again until it lets go', async () => {
    let refused = 0;
    const { trial } = cluster([pod('a')], () => (refused += 1) < 2);
    await trial.play(drainNode({ node: 'w1', timeoutSeconds: 10 }));
    expect(trial.logs).toEqual(['info: web/a cannot go yet: budget web/web (2 healthy pods are needed, there are 2)']);
  });

  test('when the time is over, pods and budgets are named', async () => {
    const { trial } = cluster([pod('a')], () => true);
    await expect(trial.play(drainNode({ node: 'w1', timeoutSeconds: 1 }))).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      message: 'w1: 1 pods did not go within 1 s',
      details: ['web/a: budget web/web (2 healthy pods are needed, there are 2)'],
    });
  });

  test('pods that nobody would make anew are refused before anything moves', async () => {
    const { trial, asked } = cluster([pod('a'), pod('alone', { ownerReferences: [] })]);
    const step = { node: 'w1', timeoutSeconds: 5 };
    await expect(trial.play(drainNode(step))).rejects.toMatchObject({ code: 'GUARD_REFUSED', details: ['web/alone'] });
    expect(asked).toEqual([]);
    await trial.play(drainNode({ ...step, evictUnmanaged: true }));
    expect(asked).toEqual(['a', 'alone']);
  });
});

describe('cordonNode and uncordonNode', () => {
  const cordon = cordonNode({ node: 'w1', operation: 'node upgrade' });

  test('what kubexm cordoned it uncordons', async () => {
    const { trial, node } = cluster([]);
    expect((await trial.play(cordon)).again).toEqual({ state: 'satisfied', because: 'is cordoned by node upgrade' });
    expect(node.spec.unschedulable).toBe(true);
    expect((await trial.play(uncordonNode({ node: 'w1' }))).again?.state).toBe('satisfied');
    expect(node).toEqual({ metadata: { annotations: {} }, spec: {} });
  });

  test('what somebody else cordoned stays so', async () => {
    const { trial, node } = cluster([]);
    node.spec.unschedulable = true;
    expect((await trial.precheck(cordon)).state).toBe('satisfied');
    expect(await trial.precheck(uncordonNode({ node: 'w1' }))).toMatchObject({
      state: 'satisfied',
      because: 'was cordoned by somebody else: it stays so',
    });
  });
});

test('unused images: not in any container, not pinned, not to be kept, never pause', () => {
  const image = (id: string, tag: string, more: object = {}) => ({
    id,
    repoTags: [tag],
    repoDigests: [],
    size: '5',
    ...more,
  });
  const found = unusedImages({
    images: [
      image('1', 'r/used:1'),
      image('2', 'r/old:1'),
      image('3', 'r/pause:3.9'),
      image('4', 'r/pinned:1', { pinned: true }),
      image('5', 'r/kept:1'),
      { id: '6', repoTags: null, repoDigests: ['r/none@sha256:1'], size: 7 },
    ],
    containers: [{ imageRef: '1', image: { image: 'sha256:x' } }],
    keep: ['r/kept:1'],
  });
  expect(found).toEqual([
    { id: '2', names: ['r/old:1'], size: 5 },
    { id: '6', names: ['r/none@sha256:1'], size: 7 },
  ]);
});
