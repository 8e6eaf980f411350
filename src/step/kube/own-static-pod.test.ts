import { expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { placeStaticPod } from './own-static-pod.js';

const manifest = '/etc/kubernetes/manifests/haproxy.yaml';
const config = '/etc/kubernetes/haproxy/haproxy.cfg';
const step = placeStaticPod({
  name: 'haproxy',
  nodeName: 'w1',
  endpoint: 'unix:///run/containerd/containerd.sock',
  pod: { kind: 'Pod', metadata: { name: 'haproxy', labels: { component: 'haproxy' } } },
  inputs: [config],
  health: { port: 18404, path: '/ready' },
});

/** A worker whose kubelet makes a new pod of each manifest that is renamed into its directory. */
function worker(works: (manifest: string) => boolean = () => true) {
  let pods = 0;
  const live = () => trial.host.files.get(manifest)?.content ?? '';
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [
      /^mv -f /,
      ({ text }, host) => {
        const [, , from = '', to = ''] = text.split(' ');
        host.files.put(to, host.files.get(from)?.content ?? '');
        host.files.delete(from);
        pods += 1;
        return '';
      },
    ],
    [
      /crictl .* pods /,
      () => JSON.stringify({ items: pods > 0 ? [{ id: `pod-${pods}`, state: 'SANDBOX_READY' }] : [] }),
    ],
    [
      /crictl .* ps -a /,
      () => {
        const state = works(live())
          ? { state: 'CONTAINER_RUNNING', metadata: { attempt: 0 } }
          : { state: 'CONTAINER_EXITED', metadata: { attempt: 2 } };
        return JSON.stringify({ containers: [{ podSandboxId: `pod-${pods}`, ...state }] });
      },
    ],
    [/^bash -c .*127\.0\.0\.1\/18404.*GET \/ready/s, ''],
    [/^file=\$\(for file in \$\(ls -t /, 'cannot bind 127.0.0.1:6443\n'],
  ];
  const trial = hostTrial({ files: { [config]: 'servers: one\n' }, commands });
  return trial;
}

test('a pod is started once, and again when a file that it reads has changed', async () => {
  const trial = worker();
  const { first, again } = await trial.play(step);
  expect([first, again]).toMatchObject([
    { state: 'needed', because: 'it has no manifest' },
    { state: 'satisfied', because: 'it runs as wanted' },
  ]);
  trial.host.files.put(config, 'servers: two\n');
  expect(await trial.precheck(step)).toMatchObject({ state: 'needed', because: expect.stringContaining('differs') });
  const changed = await trial.play(step);
  expect(changed.again?.state).toBe('satisfied');
});

test('one that does not come up gives way to the one before, and says its last words', async () => {
  let first: string | undefined;
  const trial = worker((text) => {
    first ??= text;
    return text === first;
  });
  await trial.play(step);
  trial.host.files.put(config, 'servers: nonsense\n');
  await expect(trial.play(step)).rejects.toMatchObject({
    message: `${trial.host.name}: haproxy does not come up; the one before was put back and works`,
    details: ['its container ended 3 times', 'cannot bind 127.0.0.1:6443'],
  });
  expect(trial.host.files.get(manifest)?.content).toBe(first);
});
