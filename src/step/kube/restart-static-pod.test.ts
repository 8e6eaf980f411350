import { describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { restartStaticPod } from './restart-static-pod.js';

const placed = '/etc/kubernetes/manifests/kube-scheduler.yaml';
const parked = '/etc/kubernetes/kube-scheduler.yaml.kubexm-restart';
const config = '/etc/kubernetes/scheduler.conf';
const manifest = JSON.stringify({
  spec: { containers: [{ livenessProbe: { httpGet: { path: '/healthz', port: 10259 } } }] },
});
const step = restartStaticPod({
  component: 'kube-scheduler',
  nodeName: 'm1',
  endpoint: 'unix:///run/containerd/containerd.sock',
  inputs: [config],
});

/** A host whose kubelet makes a pod where there is a manifest, and ends it where there is none. */
function controlPlane({ at = placed, startedAt, written }: { at?: string; startedAt: number; written: number }) {
  let [pod, started] = [1, startedAt];
  const move: FakeAnswer = ({ text }, host) => {
    const [, from = '', to = ''] = /mv -f (\S+) (\S+?);? ?(?:fi)?$/.exec(text) ?? [];
    const file = host.files.get(from);
    if (file === undefined) return '';
    host.files.put(to, file.content);
    host.files.delete(from);
    if (to === placed) [pod, started] = [pod + 1, written + 10];
    return '';
  };
  const runs = () => trial.host.files.get(placed) !== undefined;
  const trial = hostTrial({
    files: { [at]: manifest, [config]: { content: 'x', mtime: written } },
    commands: [
      [/mv -f /, move],
      [/crictl .* pods /, () => JSON.stringify({ items: runs() ? [{ id: `s${pod}`, state: 'SANDBOX_READY' }] : [] })],
      [
        /crictl .* ps -a /,
        () =>
          JSON.stringify({
            containers: runs()
              ? [
                  {
                    podSandboxId: `s${pod}`,
                    state: 'CONTAINER_RUNNING',
                    createdAt: `${started}000000000`,
                    metadata: {},
                  },
                ]
              : [],
          }),
      ],
      [/--insecure-skip-tls-verify get --raw=\/healthz$/, 'ok'],
    ],
  });
  return trial;
}

describe('restartStaticPod', () => {
  test('one that was started with the file that is there is left alone', async () => {
    const trial = controlPlane({ startedAt: 200, written: 100 });
    expect(await trial.precheck(step)).toEqual({
      state: 'satisfied',
      because: 'it was started with the files that are there',
    });
  });

  test('one that is older than its file gets a new pod', async () => {
    const trial = controlPlane({ startedAt: 100, written: 200 });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: `${config} was written after its start` });
    expect(again?.state).toBe('satisfied');
    expect(trial.host.files.get(placed)?.content).toBe(manifest);
    expect(trial.host.files.get(parked)).toBeUndefined();
  });

  test('a restart that was interrupted with the manifest away is seen through', async () => {
    const trial = controlPlane({ at: parked, startedAt: 300, written: 200 });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'an earlier restart was not seen through' });
    expect(again?.state).toBe('satisfied');
    expect(trial.host.files.get(placed)?.content).toBe(manifest);
  });
});
