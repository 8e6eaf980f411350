import { describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { wipeDirectory } from '../common/wipe.js';
import { hostTrial } from '../host-step.fixture.js';
import { clearShims } from './clear-shims.js';
import { criReady, pullImages } from './cri.js';
import { removeImages } from './node-images.js';
import { nodeReady } from './node-ready.js';
import { removePods } from './remove-pods.js';
import { sameRuntime } from './same-runtime.js';

const containerd = 'unix:///run/containerd/containerd.sock';
const docker = 'unix:///run/cri-dockerd.sock';
type Commands = readonly (readonly [RegExp, FakeAnswer])[];

describe('the runtime of a node', () => {
  const step = sameRuntime({ nodeName: 'w1', endpoint: docker });
  const flags = '/var/lib/kubelet/kubeadm-flags.env';
  const instance = '/var/lib/kubelet/instance-config.yaml';

  test.each([
    ['no kubelet yet', {}],
    [
      'a flag of the kubelet',
      { [flags]: `KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 --container-runtime-endpoint=${docker}"` },
    ],
    ['its file, without a scheme', { [instance]: 'containerRuntimeEndpoint: /run/cri-dockerd.sock\n' }],
    [
      'a flag that wins over its file',
      {
        [flags]: `KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=${docker}"`,
        [instance]: `containerRuntimeEndpoint: ${containerd}\n`,
      },
    ],
  ])('%s: as wanted', async (_name, files) => {
    expect((await hostTrial({ files }).precheck(step)).state).toBe('satisfied');
  });

  test('another one is never changed in passing', async () => {
    const trial = hostTrial({ files: { [instance]: `containerRuntimeEndpoint: ${containerd}\n` } });
    await expect(trial.precheck(step)).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      details: [`the kubelet uses ${containerd}`, `the cluster file wants ${docker}`],
      hint: expect.stringContaining('kubexm node migrate-runtime w1 --to docker'),
    });
  });
});

describe('a runtime that is in use', () => {
  const info = (network: boolean): Commands => [
    [
      / info$/,
      JSON.stringify({
        status: {
          conditions: [
            { type: 'RuntimeReady', status: true },
            { type: 'NetworkReady', status: network, message: 'cni plugin not initialized' },
          ],
        },
      }),
    ],
  ];

  test('is ready when its network is', async () => {
    const wanted = criReady({ endpoint: containerd, network: true });
    expect((await hostTrial({ commands: info(true) }).precheck(wanted)).state).toBe('satisfied');
    expect(await hostTrial({ commands: info(false) }).precheck(wanted)).toMatchObject({
      because: 'NetworkReady is false: cni plugin not initialized',
    });
    expect((await hostTrial({ commands: info(false) }).precheck(criReady({ endpoint: containerd }))).state).toBe(
      'satisfied',
    );
  });
});

test('an image is pulled with the login of its registry: from stdin, in no command', async () => {
  const pulled: { text: string; stdin: string }[] = [];
  const trial = hostTrial({
    secrets: { 'registry-auth:images.example': 'dXNlcjpwYXNz' },
    commands: [
      [/ images -o json$/, '{"images":[]}'],
      [
        / pull /,
        ({ text, stdin }) => {
          pulled.push({ text, stdin });
          return '';
        },
      ],
    ],
  });
  await trial.precheck(pullImages({ endpoint: docker, images: [] }));
  const step = pullImages({
    endpoint: docker,
    images: ['images.example/a:1', 'other.example/b:1'],
    logins: { 'images.example': { $secret: 'registry-auth:images.example' } },
  });
  await step.run(trial.ctx, undefined);
  const own = pulled.find(({ text }) => text.includes('images.example'));
  // A secret shows as stars.
  expect(own?.stdin).toBe('***');
  expect(own?.text).toMatch(/^IFS= read -r CRICTL_AUTH .*export CRICTL_AUTH; .* pull images.example\/a:1$/);
  expect(pulled.find(({ text }) => text.includes('other.example'))?.stdin).toBe('');
  expect(trial.host.commands.join('\n')).not.toContain('dXNlcjpwYXNz');
});

describe('removePods', () => {
  const step = removePods({ endpoint: containerd });
  const host = (pods: string[], stuck: string[] = []): Commands => [
    [/is-active/, ''],
    [/ pods -q$/, () => pods.map((id) => `${id}\n`).join('')],
    [/ stopp /, ''],
    [
      / rmp -f /,
      ({ text }) => {
        const id = text.split(' ').at(-1) ?? '';
        if (stuck.includes(id)) return { exitCode: 1 };
        pods.splice(pods.indexOf(id), 1);
        return '';
      },
    ],
  ];

  test('stops each before it removes it', async () => {
    const trial = hostTrial({ commands: host(['a', 'b']) });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ because: 'it has 2' });
    expect(again).toEqual({ state: 'satisfied', because: 'it has none' });
    const acts = trial.host.commands.flatMap((text) => / (stopp|rmp -f) (\w)$/.exec(text)?.slice(1).join(' ') ?? []);
    expect(acts).toEqual(['stopp a', 'rmp -f a', 'stopp b', 'rmp -f b']);
  });

  test('one that stays is named', async () => {
    const trial = hostTrial({ commands: host(['a', 'b'], ['b']) });
    await expect(trial.play(step)).rejects.toMatchObject({ details: ['b'] });
  });

  test('a runtime that does not run cannot be asked, one that runs and fails is an error', async () => {
    const stopped = hostTrial({ commands: [[/is-active/, { exitCode: 3 }]] });
    expect((await stopped.precheck(step)).state).toBe('satisfied');
    // crictl comes after the runtime: without it there can be no pods yet.
    expect(stopped.host.commands[0]).toContain('[ -x /usr/local/bin/crictl ]');
    const broken = hostTrial({
      commands: [
        [/is-active/, ''],
        [/ pods -q$/, { exitCode: 1, stderr: 'no answer' }],
      ],
    });
    await expect(broken.precheck(step)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});

test('what outlived a runtime is counted', async () => {
  const step = clearShims({ program: '/usr/local/bin/containerd-shim-runc-v2', runDir: '/run/containerd' });
  const of = (stdout: string) => hostTrial({ commands: [[/^shims\(\)/, stdout]] }).precheck(step);
  expect(await of('shim\nshim\nmount\n')).toMatchObject({ because: '2 shims and 1 mounts are left' });
  expect((await of('')).state).toBe('satisfied');
});

test.each(['/', '/var', 'var/lib/docker', '/var/lib/../lib'])('%s is never wiped', async (path) => {
  await expect(hostTrial().precheck(wipeDirectory({ path }))).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
});

describe('nodeReady', () => {
  const node = (ready: string, runtime: string): Commands => [
    [
      / get node w1 /,
      JSON.stringify({
        status: {
          conditions: [{ type: 'Ready', status: ready, message: 'why' }],
          nodeInfo: { containerRuntimeVersion: runtime },
        },
      }),
    ],
  ];
  const look = (commands: Commands) => hostTrial({ commands }).precheck(nodeReady({ node: 'w1', runtime: 'docker' }));

  test('is Ready with the runtime that is wanted', async () => {
    expect((await look(node('True', 'docker://28.5.2'))).state).toBe('satisfied');
    expect(await look(node('False', 'docker://28.5.2'))).toMatchObject({ because: 'why' });
    expect(await look(node('True', 'containerd://2.1.9'))).toMatchObject({
      because: 'it says that it runs containerd://2.1.9, not docker',
    });
    expect((await look([[/ get node w1 /, { exitCode: 1, stderr: 'refused' }]])).state).toBe('needed');
  });
});

test('an image that came into use since it was looked at stays', async () => {
  const step = removeImages({ endpoint: containerd, keep: [], ids: ['1', '2'] });
  const images = ['1', '2', '3'];
  const trial = hostTrial({
    commands: [
      [
        / images -o json$/,
        () => JSON.stringify({ images: images.map((id) => ({ id, repoTags: [`r/${id}:1`], size: '1' })) }),
      ],
      [/ ps -a -o json$/, JSON.stringify({ containers: [{ imageRef: '1' }] })],
      [
        / rmi /,
        ({ text }) => {
          images.splice(images.indexOf(text.split(' ').at(-1) ?? ''), 1);
          return '';
        },
      ],
    ],
  });
  expect((await trial.play(step)).again?.state).toBe('satisfied');
  expect(images).toEqual(['1', '3']);
});
