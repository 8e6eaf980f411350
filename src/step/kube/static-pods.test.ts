import { createHash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import type { FakeAnswer, FakeFileInit } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { staticPodInputs } from './kubeadm-documents.js';
import { reconcileStaticPods } from './static-pods.js';

const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const pathOf = (component: string) => `/etc/kubernetes/manifests/${component}.yaml`;
const changeOf = (component: string) => `/var/lib/kubexm/${component}.change.json`;
const stampPath = '/var/lib/kubexm/static-pods.json';
const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');

const documents = [
  {
    kind: 'InitConfiguration',
    localAPIEndpoint: { advertiseAddress: '10.0.0.11' },
    nodeRegistration: { criSocket: 'unix:///run/containerd/containerd.sock' },
    bootstrapTokens: [{ token: '$token' }],
  },
  { kind: 'ClusterConfiguration', kubernetesVersion: 'v1.34.4' },
];
const step = reconcileStaticPods({ nodeName: 'm1', documents });

const manifestOf = (component: string, ...flags: string[]) =>
  JSON.stringify({
    kind: 'Pod',
    spec: {
      containers: [
        {
          name: component,
          command: [component, ...flags],
          ports: [{ containerPort: 6443, name: 'probe-port' }],
          readinessProbe: { httpGet: { host: '10.0.0.11', path: '/readyz', port: 'probe-port' } },
        },
      ],
    },
  });
const plain = Object.fromEntries(components.map((name) => [name, manifestOf(name)]));
const changed = { ...plain, 'kube-apiserver': manifestOf('kube-apiserver', '--v=3') };
const joined = Object.fromEntries(
  ['/etc/kubernetes/kubelet.conf', '/var/lib/kubelet/pki/kubelet-client-current.pem'].map((path) => [path, 'x']),
);
const liveFiles = (manifests: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(manifests).map(([name, text]) => [pathOf(name), `${text}\n`]));
const stampOf = (manifests: Readonly<Record<string, string>>, inputs = staticPodInputs(documents)) => ({
  [stampPath]: JSON.stringify({
    inputs,
    files: Object.fromEntries(Object.entries(manifests).map(([name, text]) => [pathOf(name), sha256Of(`${text}\n`)])),
  }),
});

/** A host whose kubelet makes a new pod of each manifest that is renamed into its directory. */
function controlPlane({
  files,
  wanted,
  serves = () => true,
}: {
  readonly files: Readonly<Record<string, FakeFileInit>>;
  readonly wanted: Readonly<Record<string, string>>;
  readonly serves?: (manifest: string) => boolean;
}) {
  const pods = new Map(components.map((name) => [name, 0]));
  const works = (name: string) => serves(trial.host.files.get(pathOf(name))?.content ?? '');
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [/show -p ActiveState --value kubexm-kubeadm/, 'inactive\n'],
    [
      /kubeadm init phase control-plane all --dry-run/,
      ({ stdin }) =>
        stdin.includes('token')
          ? { exitCode: 1, stderr: 'a rendering needs no token' }
          : Object.entries(wanted)
              .map(([name, text]) => `@@kubexm ${name}.yaml\n${text}\n`)
              .join(''),
    ],
    [
      /^mv -f /,
      ({ text }, host) => {
        const [, , from = '', to = ''] = text.split(' ');
        host.files.put(to, host.files.get(from)?.content ?? '');
        host.files.delete(from);
        const name = /([\w-]+)\.yaml$/.exec(to)?.[1] ?? '';
        pods.set(name, (pods.get(name) ?? 0) + 1);
        return '';
      },
    ],
    [
      /crictl .* pods /,
      ({ text }) => {
        const name = /component=([\w-]+)/.exec(text)?.[1] ?? '';
        return JSON.stringify({ items: [{ id: `${name}-${pods.get(name)}`, state: 'SANDBOX_READY' }] });
      },
    ],
    [
      /crictl .* ps -a /,
      ({ text }) => {
        const name = components.find((each) => text.includes(`^${each}$`)) ?? '';
        const container = works(name)
          ? { state: 'CONTAINER_RUNNING', metadata: { attempt: 0 } }
          : { state: 'CONTAINER_EXITED', metadata: { attempt: 2 } };
        return JSON.stringify({ containers: [{ podSandboxId: `${name}-${pods.get(name)}`, ...container }] });
      },
    ],
    [/kubectl .*--server=https:\/\/10\.0\.0\.11:6443 .*get --raw=\/readyz$/, 'ok'],
    [/^file=\$\(for file in \$\(ls -t \/var\/log\/pods\//, 'Error: unknown flag: --v\n'],
  ];
  const trial = hostTrial({ files, commands });
  return { trial, pods };
}

describe('reconcileStaticPods', () => {
  test('a host that has not joined gets its manifests from the join', async () => {
    const { trial } = controlPlane({ files: {}, wanted: plain });
    expect(await trial.precheck(step)).toEqual({ state: 'satisfied', because: 'it is no control plane yet' });
  });

  test('as rendered before, from the same documents: kubeadm is not asked', async () => {
    const { trial } = controlPlane({ files: { ...joined, ...liveFiles(plain), ...stampOf(plain) }, wanted: plain });
    expect((await trial.precheck(step)).state).toBe('satisfied');
    expect(trial.host.commands).toEqual([]);
  });

  test('a cluster that nobody noted is compared really, and only noted where it is as wanted', async () => {
    const { trial, pods } = controlPlane({ files: { ...joined, ...liveFiles(plain) }, wanted: plain });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'the manifests are as wanted; that is noted' });
    expect(again?.state).toBe('satisfied');
    expect([...pods.values()]).toEqual([0, 0, 0]);
  });

  describe('beside other control planes', () => {
    const beside = reconcileStaticPods({
      nodeName: 'm1',
      documents,
      apiservers: { own: 'https://10.0.0.11:6443', others: ['https://10.0.0.12:6443', 'https://10.0.0.13:6443'] },
    });
    const files = { ...joined, ...liveFiles(plain), ...stampOf(plain, 'of before') };
    const down: FakeAnswer = { exitCode: 1, stderr: 'connection refused' };

    test('the only apiserver that serves is not restarted', async () => {
      const { trial, pods } = controlPlane({ files, wanted: changed });
      trial.host.script(/--server=https:\/\/10\.0\.0\.1[23]:6443 .*get --raw=\/readyz$/, down);
      await expect(trial.play(beside)).rejects.toMatchObject({
        code: 'GUARD_REFUSED',
        details: ['https://10.0.0.12:6443 is not ready', 'https://10.0.0.13:6443 is not ready'],
      });
      expect([...pods.values()]).toEqual([0, 0, 0]);
    });

    test('one other is enough', async () => {
      const { trial, pods } = controlPlane({ files, wanted: changed });
      trial.host.script(/--server=https:\/\/10\.0\.0\.12:6443 .*get --raw=\/readyz$/, down);
      trial.host.script(/--server=https:\/\/10\.0\.0\.13:6443 .*get --raw=\/readyz$/, 'ok');
      await trial.play(beside);
      expect([...pods.values()]).toEqual([1, 0, 0]);
    });
  });

  test('a stamp that cannot be read is none', async () => {
    const files = { ...joined, ...liveFiles(plain), [stampPath]: '{ "inputs"' };
    const { trial } = controlPlane({ files, wanted: plain });
    expect((await trial.precheck(step)).state).toBe('needed');
  });

  test('only the component that differs is replaced, and the reason names the flag', async () => {
    const { trial, pods } = controlPlane({
      files: { ...joined, ...liveFiles(plain), ...stampOf(plain, 'of before') },
      wanted: changed,
    });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'kube-apiserver: --v is new' });
    expect(again?.state).toBe('satisfied');
    expect([...pods.values()]).toEqual([1, 0, 0]);
    expect(trial.host.files.get(pathOf('kube-apiserver'))?.content).toBe(`${changed['kube-apiserver']}\n`);
    expect(trial.host.files.has(changeOf('kube-apiserver'))).toBe(false);
    // Nothing but the manifest itself ever lies where the kubelet would start it.
    const written = trial.host.operations.filter((text) => text.startsWith('writeFile /etc/kubernetes/manifests'));
    expect(written).toEqual([]);
  });

  test('what another hand changed is put right', async () => {
    const byHand = { ...plain, 'kube-scheduler': manifestOf('kube-scheduler', '--v=9') };
    const { trial } = controlPlane({ files: { ...joined, ...liveFiles(byHand), ...stampOf(plain) }, wanted: plain });
    const { first } = await trial.play(step);
    expect(first).toMatchObject({ because: 'kube-scheduler: --v is too much' });
    expect(trial.host.files.get(pathOf('kube-scheduler'))?.content).toBe(`${plain['kube-scheduler']}\n`);
  });

  test('what does not come up is put back, and the failure says why', async () => {
    const { trial, pods } = controlPlane({
      files: { ...joined, ...liveFiles(plain), ...stampOf(plain, 'of before') },
      wanted: changed,
      serves: (manifest) => !manifest.includes('--v=3'),
    });
    await expect(trial.play(step)).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      retryable: false,
      message:
        'node-1: kube-apiserver does not come up with its new manifest; the old manifest was put back and serves',
      details: ['its container ended 3 times', 'Error: unknown flag: --v'],
    });
    expect(trial.host.files.get(pathOf('kube-apiserver'))?.content).toBe(`${plain['kube-apiserver']}\n`);
    expect(pods.get('kube-apiserver')).toBe(2);
    expect(trial.host.files.has(changeOf('kube-apiserver'))).toBe(false);
  });

  test('when the old one does not serve either, the next run still knows of it', async () => {
    const { trial } = controlPlane({
      files: { ...joined, ...liveFiles(plain), ...stampOf(plain, 'of before') },
      wanted: changed,
      serves: () => false,
    });
    await expect(trial.play(step)).rejects.toMatchObject({
      message: expect.stringContaining('was put back, but does not serve either: its container ended 3 times'),
    });
    expect(trial.host.files.has(changeOf('kube-apiserver'))).toBe(true);
  });

  test('a run that broke off behind the change is seen through', async () => {
    const change = { manifest: `${plain['kube-apiserver']}\n`, sandboxes: ['the old one'] };
    const { trial, pods } = controlPlane({
      files: {
        ...joined,
        ...liveFiles(changed),
        ...stampOf(plain, 'of before'),
        [changeOf('kube-apiserver')]: JSON.stringify(change),
      },
      wanted: changed,
    });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ because: 'kube-apiserver: an earlier change was not seen through' });
    expect(again?.state).toBe('satisfied');
    expect(pods.get('kube-apiserver')).toBe(0);
    expect(trial.host.files.has(changeOf('kube-apiserver'))).toBe(false);
  });

  test('a run that broke off with what cannot serve goes back to what served', async () => {
    const change = { manifest: `${plain['kube-apiserver']}\n`, sandboxes: ['the old one'] };
    const { trial } = controlPlane({
      files: { ...joined, ...liveFiles(changed), [changeOf('kube-apiserver')]: JSON.stringify(change) },
      wanted: { ...changed, 'kube-apiserver': manifestOf('kube-apiserver', '--v=3', '--w=3') },
      serves: (manifest) => !manifest.includes('--v=3'),
    });
    await expect(trial.play(step)).rejects.toMatchObject({ message: expect.stringContaining('put back and serves') });
    expect(trial.host.files.get(pathOf('kube-apiserver'))?.content).toBe(`${plain['kube-apiserver']}\n`);
  });

  test('waits until the kubelet has made the new pod: the old one that still answers does not count', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { trial } = controlPlane({
        files: { ...joined, ...liveFiles(plain), ...stampOf(plain, 'of before') },
        wanted: changed,
      });
      trial.host.script(/crictl .* pods /, () => {
        vi.advanceTimersByTime(130_000);
        return JSON.stringify({ items: [{ id: 'the old one', state: 'SANDBOX_READY' }] });
      });
      await expect(trial.play(step)).rejects.toMatchObject({
        details: ['the kubelet has not started its new pod', 'Error: unknown flag: --v'],
      });
    } finally {
      vi.useRealTimers();
    }
  });

  test('another Kubernetes version is refused, unless the step was planned by an upgrade', async () => {
    const image = (version: string) => ({
      ...plain,
      'kube-apiserver': `kind: Pod\nspec:\n  containers:\n  - image: registry:5000/kube-apiserver:${version}\n`,
    });
    const { trial } = controlPlane({ files: { ...joined, ...liveFiles(image('v1.33.2')) }, wanted: image('v1.34.4') });
    await expect(trial.precheck(step)).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      message: 'node-1: kube-apiserver runs v1.33.2, the cluster file asks for v1.34.4',
    });
    const upgrade = reconcileStaticPods({ nodeName: 'm1', documents, otherVersion: true });
    expect(await trial.precheck(upgrade)).toMatchObject({ because: 'kube-apiserver: image differs' });
  });

  test('what kubeadm refuses to render changes nothing', async () => {
    const { trial } = controlPlane({ files: { ...joined, ...liveFiles(plain) }, wanted: plain });
    trial.host.script(/kubeadm init phase/, { exitCode: 1, stderr: 'error: bad field' });
    await expect(trial.precheck(step)).rejects.toMatchObject({ details: expect.arrayContaining(['error: bad field']) });
  });
});

describe('keys for etcd that are not of kubexm’s making', () => {
  const file = '/etc/kubernetes/enc/enc.yaml';
  const flag = `--encryption-provider-config=${file}`;
  const live = { ...plain, 'kube-apiserver': manifestOf('kube-apiserver', flag) };

  test('are not taken from an apiserver: it could read nothing of what is written with them', async () => {
    const { trial } = controlPlane({ files: { ...joined, ...liveFiles(live) }, wanted: plain });
    await expect(trial.precheck(step)).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      message: `node-1: kube-apiserver reads keys for etcd from ${file}, which the cluster file does not ask for`,
      hint: expect.stringContaining(`extraArgs: {encryption-provider-config: ${file}}`),
    });
  });

  test.each([[[{ name: 'encryption-provider-config', value: file }]], [{ 'encryption-provider-config': file }]])(
    'stay where the cluster file names them: %j',
    async (extraArgs) => {
      const keeping = documents.map((document) =>
        document.kind === 'ClusterConfiguration' ? { ...document, apiServer: { extraArgs } } : document,
      );
      const wanted = { ...plain, 'kube-apiserver': manifestOf('kube-apiserver', flag, '--v=3') };
      const { trial } = controlPlane({ files: { ...joined, ...liveFiles(live) }, wanted });
      const found = await trial.precheck(reconcileStaticPods({ nodeName: 'm1', documents: keeping }));
      expect(found).toMatchObject({ because: 'kube-apiserver: --v is new' });
    },
  );
});
