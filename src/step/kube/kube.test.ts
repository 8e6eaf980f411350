import { describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { criReady, pullImages } from './cri.js';
import { applyBootstrapToken, kubectlApply } from './kubectl.js';
import { nodeDifference, reconcileNodes } from './nodes.js';
import { readApiserver } from './read-apiserver.js';
import { readObjects } from './read-cluster.js';
import { type ClusterObject, nodeProblems, podProblems, verifyCluster } from './verify.js';

const endpoint = 'unix:///run/containerd/containerd.sock';
const token = { $secret: 'file:/srv/token' };
const secrets = { 'file:/srv/token': 'abcdef.0123456789abcdef' };

describe('criReady', () => {
  const step = criReady({ endpoint });

  test('waits until the runtime is ready', async () => {
    let asked = 0;
    const trial = hostTrial({
      commands: [
        [
          /crictl .* info$/,
          () => {
            asked += 1;
            if (asked === 1) return { exitCode: 1, stderr: 'connect: no such file' };
            const conditions = [{ type: 'RuntimeReady', status: asked > 2, message: 'starting' }];
            return JSON.stringify({ status: { conditions } });
          },
        ],
      ],
    });
    expect((await trial.play(step)).first).toMatchObject({ state: 'needed', because: 'connect: no such file' });
    expect(asked).toBe(3);
  });
});

describe('pullImages', () => {
  const step = pullImages({ endpoint, images: ['r.example/a:1', 'r.example/b:2'] });

  test('pulls what is missing and nothing else', async () => {
    const there = new Set(['r.example/a:1']);
    const trial = hostTrial({
      commands: [
        [/crictl .* images -o json$/, () => JSON.stringify({ images: [{ repoTags: [...there] }] })],
        [
          /crictl .* pull r.example\/b:2$/,
          () => {
            there.add('r.example/b:2');
            return '';
          },
        ],
      ],
    });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ because: '1 of 2 images are missing' });
    expect(again).toEqual({ state: 'satisfied', because: 'all images are there' });
    expect(trial.progress).toEqual([0, 1]);
  });

  test('names every image that cannot be pulled, in the words of the runtime', async () => {
    const trial = hostTrial({
      commands: [
        [/images -o json$/, '{}'],
        [/pull r.example\/a:1$/, ''],
        [/pull r.example\/b:2$/, { exitCode: 1, stderr: 'E1\nmanifest unknown\n' }],
      ],
    });
    await expect(trial.play(step)).rejects.toMatchObject({
      message: 'node-1: 1 of 2 images could not be pulled',
      details: ['crictl pull r.example/b:2: manifest unknown'],
    });
  });
});

describe('kubectlApply', () => {
  const step = kubectlApply({ name: 'flannel', template: 'flannel.yaml', data: { image: 'f:1' } });
  const templates = { 'flannel.yaml': 'image: {{image}}\n' };

  test.each<[FakeAnswer, string, string]>([
    ['', 'satisfied', 'the objects are as in the manifest'],
    [{ exitCode: 1, stdout: '-a\n+b' }, 'needed', 'the objects differ from the manifest'],
    [
      { exitCode: 2, stderr: 'namespaces "kube-flannel" not found' },
      'needed',
      'cannot be compared yet: namespaces "kube-flannel" not found',
    ],
  ])('the answer of kubectl diff decides: %j', async (answer, state, because) => {
    const trial = hostTrial({ templates, commands: [[/ diff --server-side /, answer]] });
    expect(await trial.precheck(step)).toMatchObject({ state, because });
  });

  test('hands the rendered manifest to a server-side apply of its own field manager', async () => {
    const trial = hostTrial({
      templates,
      commands: [
        [/ diff /, { exitCode: 1 }],
        [/ apply --server-side /, ''],
      ],
    });
    await trial.play(step);
    expect(trial.host.commands.at(-1)).toContain('--field-manager=kubexm -f -');
    expect(trial.host.stdins.at(-1)).toBe('image: f:1\n');
  });
});

describe('applyBootstrapToken', () => {
  const step = applyBootstrapToken({ token, nodes: ['w1', 'w2'], hours: 24 });
  const nodes = (...names: readonly string[]): readonly [RegExp, FakeAnswer] => [
    /get nodes -o name$/,
    names.map((name) => `node/${name}\n`).join(''),
  ];
  const expiration = (minutes: number) =>
    Buffer.from(new Date(Date.now() + minutes * 60_000).toISOString()).toString('base64');

  test('is not needed where everyone has joined', async () => {
    const trial = hostTrial({ secrets, commands: [nodes('m1', 'w1', 'w2')] });
    expect(await trial.precheck(step)).toEqual({ state: 'satisfied', because: 'all nodes have joined' });
  });

  test.each<[FakeAnswer, string]>([
    [expiration(600), 'satisfied'],
    [expiration(10), 'needed'],
    ['', 'needed'],
    [{ exitCode: 1, stderr: 'NotFound' }, 'needed'],
  ])('a token that is known and lasts is enough: %#', async (answer, state) => {
    const trial = hostTrial({ secrets, commands: [nodes('m1', 'w1'), [/get secret bootstrap-token-abcdef /, answer]] });
    expect(await trial.precheck(step)).toMatchObject({ state });
  });

  test('reaches the cluster over stdin and never over a command line', async () => {
    const trial = hostTrial({
      secrets,
      commands: [nodes('m1'), [/get secret/, { exitCode: 1 }], [/ apply /, '']],
    });
    await trial.play(step);
    expect(trial.host.operations.join('\n')).not.toContain('0123456789abcdef');
  });
});

describe('reconcileNodes', () => {
  const wanted = {
    name: 'w1',
    labels: { pool: 'a' },
    annotations: {},
    taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }],
    absentTaints: ['node-role.kubernetes.io/control-plane'],
  } as const;
  const note = { 'kubexm.io/managed': '{"labels":["pool"],"annotations":[],"taints":["dedicated:NoSchedule"]}' };
  const node = (labels: Record<string, string>, taints: readonly object[], annotations: object = note) => ({
    metadata: { name: 'w1', labels, annotations: annotations as Record<string, string> },
    spec: { taints: taints as never },
  });

  test('what kubexm set earlier and the cluster file has no more goes', () => {
    const managed = { labels: ['old', 'gone', 'pool'], annotations: ['note'], taints: ['old:NoExecute'] };
    const annotations = { 'kubexm.io/managed': JSON.stringify(managed), note: 'x', theirs: 'y' };
    const theirs = { key: 'old', effect: 'NoSchedule' };
    const before = node(
      { pool: 'a', old: '1', other: '2' },
      [theirs, { key: 'old', effect: 'NoExecute' }],
      annotations,
    );
    const [difference, ...more] = nodeDifference({ ...wanted, taints: [], absentTaints: [] }, before);
    expect(more).toEqual([]);
    expect(difference).toMatchObject({
      because: 'label old is too much, annotation note is too much, taint old is too much',
      patch: {
        metadata: {
          labels: { old: null },
          annotations: { note: null, 'kubexm.io/managed': '{"labels":["pool"],"annotations":[],"taints":[]}' },
        },
        spec: { taints: [theirs] },
      },
    });
    expect(nodeDifference({ ...wanted, labels: {}, taints: [], absentTaints: [], partial: true }, before)).toEqual([]);
  });

  test('a node without a note, or with one that another hand has spoilt, gets one, and nothing is taken off', () => {
    for (const annotations of [{}, { 'kubexm.io/managed': '{' }]) {
      expect(nodeDifference(wanted, node({ pool: 'a', old: '1' }, wanted.taints, annotations))).toEqual([
        {
          name: 'w1',
          because: 'it does not say yet what kubexm has set on it',
          patch: { metadata: { labels: {}, annotations: note } },
        },
      ]);
    }
    const nothing = { name: 'w1', labels: {}, annotations: {}, taints: [], absentTaints: [] };
    expect(nodeDifference(nothing, node({}, [], {}))).toEqual([]);
  });

  test('a node that carries all of it, and more, is left alone', () => {
    const foreign = { key: 'theirs', effect: 'NoSchedule' };
    expect(nodeDifference(wanted, node({ pool: 'a', theirs: '1' }, [foreign, ...wanted.taints]))).toEqual([]);
  });

  test("what is missing is added, what must not be goes, everybody else's stays", () => {
    const before = [
      { key: 'theirs', effect: 'NoExecute' },
      { key: 'dedicated', value: 'web', effect: 'NoSchedule' },
      { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
    ];
    expect(nodeDifference(wanted, node({ pool: 'b' }, before))).toEqual([
      {
        name: 'w1',
        because: 'label pool, taint node-role.kubernetes.io/control-plane is too much, taint dedicated',
        patch: {
          metadata: { labels: { pool: 'a' }, annotations: {} },
          spec: { taints: [{ key: 'theirs', effect: 'NoExecute' }, ...wanted.taints] },
        },
      },
    ]);
  });

  test('a label alone does not touch the taints', () => {
    const [difference] = nodeDifference(wanted, node({}, wanted.taints));
    expect(difference?.patch).toEqual({ metadata: { labels: { pool: 'a' }, annotations: {} } });
  });

  test('only nodes that differ are patched', async () => {
    const items = [node({ pool: 'a' }, wanted.taints), { metadata: { name: 'w2' }, spec: {} }];
    const trial = hostTrial({
      commands: [
        [/get nodes -o json$/, () => JSON.stringify({ items })],
        [/get nodes -o name$/, 'node/w1\nnode/w2\n'],
        [
          /patch node w2 --type=merge --patch-file=\/dev\/stdin$/,
          ({ stdin }) => {
            items[1] = { metadata: { name: 'w2', ...(JSON.parse(stdin) as { metadata: object }).metadata }, spec: {} };
            return '';
          },
        ],
      ],
    });
    const step = reconcileNodes({
      nodes: [wanted, { ...wanted, name: 'w2', taints: [], absentTaints: [] }],
    });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ because: 'w2: label pool' });
    expect(again?.state).toBe('satisfied');
    expect(trial.host.commands.filter((text) => text.includes(' patch '))).toHaveLength(1);
  });
});

const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
const nodeObject = (name: string, status: object = ready) => ({ kind: 'Node', metadata: { name }, status });
const pod = (over: Partial<ClusterObject> = {}): ClusterObject => ({
  kind: 'Pod',
  metadata: { name: 'coredns', namespace: 'kube-system' },
  spec: { nodeName: 'm1' },
  status: { phase: 'Running', ...ready },
  ...over,
});

describe('nodeProblems', () => {
  test('nodes that are missing or not Ready, with their own words', () => {
    const notReady = { conditions: [{ type: 'Ready', status: 'False', message: 'cni plugin not initialized' }] };
    const items = [nodeObject('m1'), nodeObject('w1', notReady), nodeObject('w2', {})];
    expect(nodeProblems(items, { nodes: ['m1', 'w1', 'w2', 'w3'], nodesReady: true })).toEqual([
      'node w1 is not Ready: cni plugin not initialized',
      'node w2 is not Ready: no status yet',
      'node w3 has not registered',
    ]);
    expect(nodeProblems(items, { nodes: ['m1', 'w1', 'w2'], nodesReady: false })).toEqual([]);
  });
});

describe('podProblems', () => {
  const where = { namespaces: ['kube-system'], nodesReady: true };

  test('no pods at all is a problem too', () => {
    const elsewhere = pod({ metadata: { name: 'x', namespace: 'default' } });
    expect(podProblems([elsewhere], where)).toEqual(['there are no system pods yet']);
  });

  test('pods that run, have done their work or are on their way out are fine', () => {
    const leaving = pod({
      metadata: { name: 'old', namespace: 'kube-system', deletionTimestamp: '2026-01-01T00:00:00Z' },
      status: { phase: 'Failed' },
    });
    expect(podProblems([pod(), pod({ status: { phase: 'Succeeded' } }), leaving], where)).toEqual([]);
  });

  test('a pod that waits says where and for what', () => {
    const waiting = {
      phase: 'Pending',
      containerStatuses: [
        { name: 'c', ready: false, state: { waiting: { reason: 'ImagePullBackOff', message: 'manifest unknown' } } },
      ],
    };
    expect(podProblems([pod({ status: waiting })], where)).toEqual([
      'pod kube-system/coredns on m1 is not Ready: ImagePullBackOff: manifest unknown',
    ]);
  });

  test('without a network, what nothing can schedule yet is no problem', () => {
    const unscheduled = pod({ spec: {}, status: { phase: 'Pending' } });
    expect(podProblems([unscheduled], { ...where, nodesReady: false })).toEqual([]);
    expect(podProblems([unscheduled], where)).toEqual(['pod kube-system/coredns is not Ready: Pending']);
  });
});

describe('verifyCluster', () => {
  const step = verifyCluster({
    nodes: ['m1'],
    namespaces: ['kube-system'],
    nodesReady: true,
    dns: { address: '10.233.0.10', name: 'kubernetes.default.svc.cluster.local' },
  });
  const objects: readonly [RegExp, FakeAnswer] = [
    /get nodes,pods -A -o json$/,
    JSON.stringify({ items: [nodeObject('m1'), pod()] }),
  ];

  test.each([
    [' 13 37 81 80\n', 'satisfied'],
    // NXDOMAIN, no answer, the answer to another question.
    [' 13 37 81 83\n', 'needed'],
    ['', 'needed'],
    [' 00 01 81 80\n', 'needed'],
  ])('CoreDNS must answer over its Service: %j', async (answer, state) => {
    const trial = hostTrial({ commands: [objects, [/\/dev\/udp\/10.233.0.10\/53/, answer]] });
    expect((await trial.precheck(step)).state).toBe(state);
  });

  test('waits for what is not there yet', async () => {
    let asked = 0;
    const trial = hostTrial({
      commands: [
        [
          /get nodes,pods/,
          () => {
            asked += 1;
            return asked < 3
              ? { exitCode: 1, stderr: 'connection refused' }
              : JSON.stringify({ items: [nodeObject('m1'), pod()] });
          },
        ],
        [/\/dev\/udp\//, ' 13 37 81 80\n'],
      ],
    });
    expect((await trial.play(step)).first).toMatchObject({ because: 'the API does not answer: connection refused' });
  });
});

describe('reads put what they found into the events', () => {
  const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';

  function reading(commands: readonly (readonly [RegExp, FakeAnswer])[]) {
    const data: unknown[] = [];
    const trial = hostTrial({ commands });
    return { data, ctx: { ...trial.ctx, log: (_level: string, _message: string, of?: unknown) => void data.push(of) } };
  }

  test('nodes and pods', async () => {
    const { data, ctx } = reading([[/get nodes,pods -A -o json$/, '{"items":[]}']]);
    await readObjects({ report: 'r' }).precheck(ctx);
    expect(data).toEqual([{ items: [] }]);
  });

  test.each([
    [
      '- --etcd-servers=https://10.0.0.1:2379,https://10.0.0.2:2379',
      ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'],
    ],
    ['- "--etcd-servers=https://10.0.0.1:2379"', ['https://10.0.0.1:2379']],
  ])('the etcd that an apiserver is to talk to: %s', async (line, etcdServers) => {
    const data: unknown[] = [];
    const trial = hostTrial({ files: { [manifest]: `spec:\n  containers:\n  - command:\n    ${line}\n` } });
    const log = (_level: string, _message: string, of?: unknown) => void data.push(of);
    await readApiserver({ report: 'r' }).precheck({ ...trial.ctx, log });
    expect(data).toEqual([{ present: true, etcdServers }]);
  });

  test('a manifest without the flag is an error; no manifest is no apiserver', async () => {
    const { data, ctx } = reading([]);
    await readApiserver({ report: 'r' }).precheck(ctx);
    expect(data).toEqual([{ present: false, etcdServers: [] }]);
    const odd = hostTrial({ files: { [manifest]: 'spec: {}\n' } });
    await expect(odd.precheck(readApiserver({ report: 'r' }))).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});
