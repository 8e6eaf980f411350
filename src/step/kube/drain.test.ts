import { describe, expect, test } from 'vitest';
import { output } from '../../plan/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { deleteNode } from './delete-node.js';
import { cordonNode, drainNode, guardDrain, uncordonNode } from './drain.js';
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

test('nobody waits for pods of a node that goes for good and has fallen silent', async () => {
  const { trial, node } = cluster([pod('a')], () => true);
  const drain = drainNode({ node: 'w1', timeoutSeconds: 30, leaving: true });
  setTimeout(() => Object.assign(node, { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } }), 100);
  const { first, again } = await trial.play(drain);
  expect(first.state).toBe('needed');
  expect(again).toMatchObject({ state: 'satisfied', because: expect.stringContaining('does not report') as string });
});

describe('what a user may allow', () => {
  const cached = pod('cache');
  const local = { ...cached, spec: { volumes: [{ name: 'data', emptyDir: {} }] } };

  test('data in an emptyDir are kept where they are to be; finished pods have none', async () => {
    const { trial, asked } = cluster([{ ...local, status: { phase: 'Failed' } }]);
    const step = { node: 'w1', timeoutSeconds: 5, keepLocalData: true };
    expect((await trial.precheck(guardDrain(step))).state).toBe('satisfied');
    const other = cluster([local]);
    for (const refused of [guardDrain(step), drainNode(step)])
      await expect(other.trial.play(refused)).rejects.toMatchObject({ code: 'GUARD_REFUSED', details: ['web/cache'] });
    expect([...asked, ...other.asked]).toEqual([]);
    await other.trial.play(drainNode({ ...step, keepLocalData: false }));
    expect(other.asked).toEqual(['cache']);
  });

  test('a selector and a grace period reach the API; --force is offered where there is one', async () => {
    const { trial } = cluster([pod('a')]);
    await trial.play(drainNode({ node: 'w1', timeoutSeconds: 5, podSelector: 'app=web', graceSeconds: 3 }));
    const commands = trial.host.commands.join('\n');
    expect(commands).toContain('--selector=app=web');
    expect(commands).toContain('"gracePeriodSeconds":3');
    const alone = cluster([pod('alone', { ownerReferences: [] })]);
    const guard = guardDrain({ node: 'w1', timeoutSeconds: 5, evictUnmanaged: false });
    await expect(alone.trial.precheck(guard)).rejects.toMatchObject({
      hint: expect.stringContaining('--force') as string,
    });
  });
});

describe('a drain that does not come to its end', () => {
  const drain = drainNode({ node: 'w1', timeoutSeconds: 1, putBack: 'node drain' });

  test('leaves the node as it was found: what this operation cordoned takes pods again', async () => {
    const { trial, node } = cluster([pod('a')], () => true);
    await trial.play(cordonNode({ node: 'w1', operation: 'node drain' }));
    await expect(trial.play(drain)).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      hint: expect.stringContaining('takes new pods again') as string,
    });
    expect(node).toEqual({ metadata: { annotations: {} }, spec: {} });
  });

  test('what was cordoned before stays so', async () => {
    const { trial, node } = cluster([pod('a')], () => true);
    node.spec.unschedulable = true;
    await expect(trial.play(drain)).rejects.toMatchObject({
      hint: expect.stringContaining('stays cordoned') as string,
    });
    expect(node.spec.unschedulable).toBe(true);
  });
});

describe('cordonNode and uncordonNode', () => {
  test("a node that is to stay cordoned is nobody else's to uncordon", async () => {
    const { trial, node } = cluster([]);
    await trial.play(cordonNode({ node: 'w1', operation: 'node drain' }));
    const { first, again } = await trial.play(cordonNode({ node: 'w1' }));
    expect([first.state, again?.state]).toEqual(['needed', 'satisfied']);
    expect(node).toEqual({ metadata: { annotations: {} }, spec: { unschedulable: true } });
    expect((await trial.precheck(uncordonNode({ node: 'w1' }))).state).toBe('satisfied');
    await trial.play(uncordonNode({ node: 'w1', whoever: true }));
    expect(node.spec).toEqual({});
  });

  const cordon = cordonNode({ node: 'w1', operation: 'node upgrade' });

  test('what kubexm cordoned it uncordons', async () => {
    const { trial, node } = cluster([]);
    expect((await trial.play(cordon)).again).toEqual({ state: 'satisfied', because: 'is cordoned by node upgrade' });
    expect(node.spec.unschedulable).toBe(true);
    expect((await trial.play(uncordonNode({ node: 'w1' }))).again?.state).toBe('satisfied');
    expect(node).toEqual({ metadata: { annotations: {} }, spec: {} });
  });

  test('what one operation cordoned is not for another to uncordon', async () => {
    const { trial, node } = cluster([]);
    await trial.play(cordonNode({ node: 'w1', operation: 'node migrate-runtime' }));
    expect(await trial.precheck(uncordonNode({ node: 'w1', operation: 'node upgrade' }))).toEqual({
      state: 'satisfied',
      because: 'was cordoned by node migrate-runtime: it stays so',
    });
    await trial.play(uncordonNode({ node: 'w1', operation: 'node migrate-runtime' }));
    expect(node).toEqual({ metadata: { annotations: {} }, spec: {} });
    await trial.play(cordon);
    expect((await trial.play(uncordonNode({ node: 'w1', operation: 'node upgrade' }))).again?.state).toBe('satisfied');
    expect(node.spec).toEqual({});
  });

  test('only where there is a reason', async () => {
    const { trial, node } = cluster([pod('a')]);
    const when = output<string>('restart-pending:containerd.service:w1');
    trial.ctx.write(when, '');
    const because = 'there is no need';
    expect(await trial.precheck(cordonNode({ node: 'w1', when }))).toEqual({ state: 'satisfied', because });
    const drain = drainNode({ node: 'w1', timeoutSeconds: 1, when });
    expect(await trial.precheck(drain)).toEqual({ state: 'satisfied', because });
    trial.ctx.write(when, 'its files changed');
    expect((await trial.play(cordonNode({ node: 'w1', when }))).first).toMatchObject({ because: 'its files changed' });
    expect(node.spec.unschedulable).toBe(true);
    expect((await trial.precheck(drain)).state).toBe('needed');
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

test('a node is taken out of the API once', async () => {
  let there = true;
  const trial = hostTrial({
    commands: [
      [/get node w1 --ignore-not-found -o name/, () => (there ? 'node/w1\n' : '')],
      [
        /delete node w1 --ignore-not-found/,
        () => {
          there = false;
          return '';
        },
      ],
    ],
  });
  const { first, again } = await trial.play(deleteNode({ node: 'w1' }));
  expect([first.state, again?.state]).toEqual(['needed', 'satisfied']);
});
