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

/** A cluster whose kubeadm writes `uploads`, and whose kube-proxy comes up while `rolls` says so. */
function cluster({
  live,
  uploads,
  rolls = () => true,
}: {
  readonly live: Readonly<Record<string, string>>;
  readonly uploads: Readonly<Record<string, string>>;
  readonly rolls?: (config: string) => boolean;
}) {
  const maps = new Map<string, ConfigMap>(
    Object.entries(live).map(([name, text]) => [name, { annotations: {}, data: { config: text } }]),
  );
  const rollouts: string[] = [];
  const broken = { off: false };
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [
      /systemd-run .*kubeadm init phase /s,
      ({ text }) => {
        const name = /addon kube-proxy/.test(text)
          ? 'kube-proxy'
          : /upload-config (\w+)/.exec(text)?.[1] === 'kubelet'
            ? 'kubelet-config'
            : 'kubeadm-config';
        maps.set(name, { annotations: {}, data: { config: uploads[name] ?? '' } });
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
        const map = maps.get(/configmap\/(\S+)/.exec(text)?.[1] ?? '');
        for (const [, key = '', value = ''] of text.matchAll(/(kubexm\.io\/\w+)=(\w+)/g))
          if (map) map.annotations[key] = value;
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
      / rollout (restart|undo) daemonset\/kube-proxy$/,
      ({ text }) => {
        if (broken.off) return { exitCode: 137 };
        rollouts.push(/rollout (\w+)/.exec(text)?.[1] ?? '');
        return '';
      },
    ],
    [
      / get daemonset\/kube-proxy -o json$/,
      () => {
        const updated = rolls(maps.get('kube-proxy')?.data.config ?? '') ? 3 : 1;
        const status = { desiredNumberScheduled: 3, updatedNumberScheduled: updated, numberAvailable: updated + 1 };
        return JSON.stringify({ metadata: { generation: 2 }, status: { ...status, observedGeneration: 2 } });
      },
    ],
  ];
  return { maps, rollouts, broken, trial: hostTrial({ commands }) };
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

  test('what another hand changed is uploaded again', async () => {
    const { trial, maps } = cluster({ live: {}, uploads: { 'kubelet-config': 'ours' } });
    await trial.play(both);
    const map = maps.get('kubelet-config');
    if (map) map.data.config = 'theirs';
    expect(await trial.precheck(both)).toMatchObject({ because: 'kubelet-config: it was changed by another hand' });
    await trial.play(both);
    expect(maps.get('kubelet-config')?.data.config).toBe('ours');
  });

  test('kube-proxy is rolled over where its ConfigMap has become another', async () => {
    const { trial, rollouts } = cluster({ live: { 'kube-proxy': 'old' }, uploads: { 'kube-proxy': 'new' } });
    expect((await trial.play(proxy)).again?.state).toBe('satisfied');
    expect(rollouts).toEqual(['restart']);
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
    expect(rollouts).toEqual(['restart']);
    expect(trial.host.files.has('/var/lib/kubexm/kube-proxy.change.json')).toBe(false);
  });
});
