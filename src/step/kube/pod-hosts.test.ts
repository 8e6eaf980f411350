import { expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { refreshPodHosts } from './pod-hosts.js';

const step = refreshPodHosts({ endpoint: 'unix:///run/containerd/containerd.sock', domain: 'lb.example' });
const now = '127.0.0.1 localhost\n127.0.0.1 lb.example\n10.0.0.11 lb.example\n';
const copy = '/var/lib/kubelet/pods/uid-1/etc-hosts';

function host({
  files,
  running = true,
}: {
  readonly files: Readonly<Record<string, string>>;
  readonly running?: boolean;
}) {
  const pods = JSON.stringify({
    items: running ? [{ id: 'box-1', state: 'SANDBOX_READY', metadata: { uid: 'uid-1' } }] : [],
  });
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [/crictl .* pods .*k8s-app=kube-proxy/, pods],
    [
      /crictl .* stopp box-1$/,
      (_command, { files: all }) => {
        all.put(copy, all.get('/etc/hosts')?.content ?? '');
        return '';
      },
    ],
  ];
  return hostTrial({ files, commands });
}

test('a copy with other addresses, or in another order, makes kube-proxy start anew', async () => {
  const trial = host({ files: { '/etc/hosts': now, [copy]: '10.0.0.11 lb.example\n127.0.0.1 lb.example\n' } });
  const { first, again } = await trial.play(step);
  expect([first.state, again?.state]).toEqual(['needed', 'satisfied']);
});

test.each([
  [
    'the same addresses beside other lines',
    { '/etc/hosts': now, [copy]: `# Kubernetes-managed hosts file\n${now}` },
    true,
  ],
  ['a pod whose containers have not started', { '/etc/hosts': now }, true],
  ['no kube-proxy', { '/etc/hosts': now, [copy]: '' }, false],
])('nothing to do: %s', async (_, files, running) => {
  const trial = host({ files, running });
  expect((await trial.precheck(step)).state).toBe('satisfied');
});
