import { describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { uploadKubeadmConfig } from './config-maps.js';

const documents = [
  { kind: 'InitConfiguration', bootstrapTokens: [{ token: '$token' }] },
  { kind: 'ClusterConfiguration', kubernetesVersion: 'v1.34.4' },
  { kind: 'KubeletConfiguration', maxPods: 120 },
  { kind: 'KubeProxyConfiguration', mode: 'iptables' },
];
const both = uploadKubeadmConfig({ documents, configMaps: ['kubeadm-config', 'kubelet-config'] });
const proxy = uploadKubeadmConfig({ documents, configMaps: ['kube-proxy'] });

interface ConfigMap {
  annotations: Record<string, string>;
  data: Record<string, string>;
}

/**
 * A cluster whose kubeadm writes `uploads`, and whose kube-proxy comes up while `rolls` says so. kubeadm takes notes off, and
 * brings its DaemonSet back to what it was.
 */
function cluster({
  live,
  uploads,
  rolls = () => true,
}: {
  readonly live: Readonly<Record<string, string>>;
  readonly uploads: Readonly<Record<string, string>>;
  readonly rolls?: (config: string) => boolean;
}) {
  const dataOf = (name: string, text: string) => ({ [name === 'kube-proxy' ? 'config.conf' : 'kubelet']: text });
  const maps = new Map<string, ConfigMap>(
    Object.entries(live).map(([name, text]) => [name, { annotations: {}, data: dataOf(name, text) }]),
  );
  const rollouts: string[] = [];
  const broken = { off: false };
  const proxies = {
    image: 'kube-proxy:v1.34.4',
    restartedAt: '',
    generation: 1,
    annotations: {} as ConfigMap['annotations'],
  };
  const proxyText = () => maps.get('kube-proxy')?.data['config.conf'] ?? '';
  const notesOf = (text: string) =>
    Object.fromEntries([...text.matchAll(/(kubexm\.io\/\w+)=(\w+)/g)].map(([, key = '', value = '']) => [key, value]));
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [
      /systemd-run .*kubeadm init phase /s,
      ({ text }) => {
        const name = /addon kube-proxy/.test(text)
          ? 'kube-proxy'
          : /upload-config (\w+)/.exec(text)?.[1] === 'kubelet'
            ? 'kubelet-config'
            : 'kubeadm-config';
        maps.set(name, { annotations: {}, data: dataOf(name, uploads[name] ?? '') });
        if (name === 'kube-proxy') {
          if (proxies.image !== 'kube-proxy:v1.34.4') proxies.generation += 1;
          Object.assign(proxies, { annotations: {}, image: 'kube-proxy:v1.34.4' });
        }
        return '';
      },
    ],
    [
      / get configmap /,
      ({ text }) =>
        JSON.stringify({
          items: [...maps]
            .filter(([name]) => text.split(' ').includes(name))
            .map(([name, { annotations, data }]) => ({ metadata: { name, annotations }, data })),
        }),
    ],
    [
      / annotate --overwrite configmap\//,
      ({ text }) => {
        Object.assign(maps.get(/configmap\/(\S+)/.exec(text)?.[1] ?? '')?.annotations ?? {}, notesOf(text));
        return '';
      },
    ],
    [
      / annotate --overwrite daemonset\/kube-proxy /,
      ({ text }) => {
        Object.assign(proxies.annotations, notesOf(text));
        return '';
      },
    ],
    [
      / patch configmap\/kube-proxy /,
      ({ stdin }) => {
        const { data } = JSON.parse(stdin) as { data: Record<string, string> };
        maps.set('kube-proxy', { annotations: {}, data });
        return '';
      },
    ],
    [
      / rollout (restart|undo) daemonset\/kube-proxy/,
      ({ text }) => {
        if (broken.off) return { exitCode: 137 };
        rollouts.push(/rollout (.*)$/.exec(text)?.[1] ?? '');
        proxies.generation += 1;
        proxies.restartedAt = String(proxies.generation);
        return '';
      },
    ],
    [
      / get daemonset\/kube-proxy --ignore-not-found -o json$/,
      () => {
        const { generation, annotations, image, restartedAt } = proxies;
        const updated = rolls(proxyText()) ? 3 : 1;
        const template = {
          metadata: { annotations: restartedAt ? { 'kubectl.kubernetes.io/restartedAt': restartedAt } : {} },
          spec: { containers: [{ image }] },
        };
        return JSON.stringify({
          metadata: { generation, annotations },
          spec: { template },
          status: {
            observedGeneration: generation,
            desiredNumberScheduled: 3,
            updatedNumberScheduled: updated,
            numberAvailable: updated,
          },
        });
      },
    ],
    [
      / get controllerrevisions /,
      () =>
        JSON.stringify({
          items: [1, proxies.generation].map((number) => ({
            revision: number,
            metadata: { labels: { 'controller-revision-hash': `hash-${number}` } },
          })),
        }),
    ],
    [
      / get pods -l k8s-app=kube-proxy -o json$/,
      () =>
        JSON.stringify({
          items: ['hash-1', `hash-${proxies.generation}`].map((hash) => ({
            metadata: { name: `kube-proxy-${hash}`, labels: { 'controller-revision-hash': hash } },
            spec: { nodeName: 'w1' },
            status: { containerStatuses: [{ ready: false, restartCount: rolls(proxyText()) ? 0 : 2 }] },
          })),
        }),
    ],
    [/ logs kube-proxy-\S+ --tail=8$/, ({ text }) => `${/logs (\S+)/.exec(text)?.[1]}: no such mode\n`],
  ];
  return { maps, rollouts, broken, proxies, trial: hostTrial({ commands }) };
}

const uploadsOf = (commands: readonly string[]) =>
  commands.flatMap((text) => /kubeadm init phase ([\w-]+ [\w-]+)/.exec(text)?.[1] ?? []);

describe('uploadKubeadmConfig', () => {
  test('what is not noted is uploaded, without a token, and then known', async () => {
    const { trial } = cluster({ live: { 'kubeadm-config': 'a', 'kubelet-config': 'b' }, uploads: {} });
    const { first, again } = await trial.play(both);
    expect(first).toMatchObject({
      because:
        'kubeadm-config: it is not known from what it was made; kubelet-config: it is not known from what it was made',
    });
    expect(again?.state).toBe('satisfied');
    expect(uploadsOf(trial.host.commands)).toEqual(['upload-config kubeadm', 'upload-config kubelet']);
  });

  test('only what was made from something else is uploaded', async () => {
    const { trial } = cluster({ live: {}, uploads: {} });
    await trial.play(both);
    const other = documents.map((document) => (document.maxPods ? { ...document, maxPods: 100 } : document));
    const changed = uploadKubeadmConfig({ documents: other, configMaps: ['kubeadm-config', 'kubelet-config'] });
    trial.host.commands.length = 0;
    const { first } = await trial.play(changed);
    expect(first).toMatchObject({ because: 'kubelet-config: the cluster file asks for something else' });
    expect(uploadsOf(trial.host.commands)).toEqual(['upload-config kubelet']);
  });

  test('and what is otherwise in it is named; what kubeadm adds is not', async () => {
    const made = ['kind: KubeletConfiguration', 'maxPods: 120', 'evictionHard: {a: 1, b: 2}', 'syncFrequency: 0s'];
    const { trial } = cluster({ live: {}, uploads: { 'kubelet-config': made.join('\n') } });
    await trial.play(both);
    const wanted = { kind: 'KubeletConfiguration', maxPods: 100, evictionHard: { a: 1 }, podsPerCore: 9 };
    const other = documents.map((document) => (document.maxPods ? wanted : document));
    const changed = uploadKubeadmConfig({ documents: other, configMaps: ['kubelet-config'] });
    expect(await trial.precheck(changed)).toMatchObject({
      because: 'kubelet-config: maxPods differs, podsPerCore is new',
    });
  });

  test('what another hand changed is uploaded again', async () => {
    const { trial, maps } = cluster({ live: {}, uploads: { 'kubelet-config': 'ours' } });
    await trial.play(both);
    const map = maps.get('kubelet-config');
    if (map) map.data.kubelet = 'theirs';
    expect(await trial.precheck(both)).toMatchObject({ because: 'kubelet-config: it was changed by another hand' });
    await trial.play(both);
    expect(maps.get('kubelet-config')?.data.kubelet).toBe('ours');
  });

  test('kube-proxy is rolled over where its ConfigMap has become another', async () => {
    const { trial, rollouts } = cluster({ live: { 'kube-proxy': 'old' }, uploads: { 'kube-proxy': 'new' } });
    expect((await trial.play(proxy)).again?.state).toBe('satisfied');
    expect(rollouts).toEqual(['restart daemonset/kube-proxy']);
  });

  test('and left alone where it has not', async () => {
    const { trial, rollouts } = cluster({ live: { 'kube-proxy': 'same' }, uploads: { 'kube-proxy': 'same' } });
    expect((await trial.play(proxy)).again?.state).toBe('satisfied');
    expect(rollouts).toEqual([]);
  });

  test('a run that broke off between the ConfigMap and the roll-over is made up for by the next', async () => {
    const { trial, rollouts, broken } = cluster({ live: { 'kube-proxy': 'old' }, uploads: { 'kube-proxy': 'new' } });
    broken.off = true;
    await expect(trial.play(proxy)).rejects.toThrow();
    broken.off = false;
    expect((await trial.play(proxy)).again?.state).toBe('satisfied');
    expect(rollouts).toEqual(['restart daemonset/kube-proxy']);
    expect(trial.host.files.has('/var/lib/kubexm/kube-proxy.change.json')).toBe(false);
  });

  test('a DaemonSet of another hand is put right, and waited for', async () => {
    const { trial, rollouts, proxies } = cluster({ live: {}, uploads: { 'kube-proxy': 'mode: iptables' } });
    await trial.play(proxy);
    Object.assign(proxies, { image: 'kube-proxy:theirs', generation: 7 });
    rollouts.length = 0;
    const { first, again } = await trial.play(proxy);
    expect(first).toMatchObject({ because: 'kube-proxy: its DaemonSet was changed by another hand' });
    expect([proxies.image, again?.state, rollouts]).toEqual(['kube-proxy:v1.34.4', 'satisfied', []]);
  });

  test('pods that were only asked to start anew are as noted', async () => {
    const { trial, proxies } = cluster({ live: {}, uploads: { 'kube-proxy': 'mode: iptables' } });
    await trial.play(proxy);
    Object.assign(proxies, { restartedAt: 'now', generation: 9 });
    expect((await trial.precheck(proxy)).state).toBe('satisfied');
  });

  test('a configuration that kube-proxy cannot run with is put back where it is, and the failure has its words', async () => {
    const { trial, rollouts, maps } = cluster({
      live: { 'kube-proxy': 'old' },
      uploads: { 'kube-proxy': 'new' },
      rolls: (config) => config !== 'new',
    });
    await expect(trial.play(proxy)).rejects.toMatchObject({
      message: 'kube-proxy does not come up with its new configuration; the old one was put back and works',
      details: ['w1: kube-proxy-hash-2 ends again and again', 'kube-proxy-hash-2: no such mode'],
      retryable: false,
    });
    expect(maps.get('kube-proxy')?.data).toEqual({ 'config.conf': 'old' });
    expect(rollouts).toEqual(['restart daemonset/kube-proxy', 'undo daemonset/kube-proxy --to-revision=1']);
    expect(trial.host.files.has('/var/lib/kubexm/kube-proxy.change.json')).toBe(false);
  });
});
