import { describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { deprecatedApis } from './read-upgrade.js';
import { upgradeArguments } from './upgrade-arguments.js';
import { upgradeControlPlane } from './upgrade-control-plane.js';

const to = 'v1.34.4';
const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const manifest = (name: string, version: string) => `image: registry.k8s.io/${name}:${version}\n`;
const documents = [
  { kind: 'InitConfiguration', nodeRegistration: { name: 'm1' } },
  { kind: 'ClusterConfiguration', kubernetesVersion: to },
];
const stepOf = (first: boolean) =>
  upgradeControlPlane({ nodeName: 'm1', to, first, certificateRenewal: true, documents });

/** A control plane host; kubeadm brings its manifests and the cluster's configuration to the version. */
function controlPlane({ serves = true, ends = to, config = 'v1.33.13', from = 'v1.33.13' } = {}) {
  const state = { version: from, config };
  const calls: string[] = [];
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [/^systemctl show -p ActiveState --value kubexm-kubeadm/, 'inactive\n'],
    [/grep -ohE/, () => components.map((name) => manifest(name, state.version)).join('')],
    [/get configmap\/kubeadm-config/, () => `clusterName: x\nkubernetesVersion: ${state.config}\n`],
    [/get --raw=\/readyz$/, () => (serves ? 'ok' : { exitCode: 1, stderr: 'etcd failed' })],
    [
      /systemd-run/,
      ({ text }) => {
        calls.push(text);
        state.version = ends;
        state.config = ends;
        for (const name of components) put(name, ends);
        return '';
      },
    ],
    [
      /kubeadm init phase control-plane all --dry-run/,
      () => components.map((name) => `@@kubexm ${name}.yaml\n${manifest(name, to)}`).join(''),
    ],
  ];
  const path = (name: string) => `/etc/kubernetes/manifests/${name}.yaml`;
  const files = Object.fromEntries(components.map((name) => [path(name), manifest(name, from)]));
  const trial = hostTrial({ files, commands });
  const put = (name: string, version: string) => trial.host.files.put(path(name), { content: manifest(name, version) });
  return { trial, calls };
}

describe('upgradeControlPlane', () => {
  test('the first is applied, and noted as made from the config; a second look finds nothing to do', async () => {
    const { trial, calls } = controlPlane();
    const { first, again } = await trial.play(stepOf(true));
    expect(first).toMatchObject({ because: 'kube-apiserver is v1.33.13' });
    expect(calls).toHaveLength(1);
    expect(calls[0]).toContain('kubeadm upgrade apply v1.34.4 --yes');
    expect(again).toEqual({ state: 'satisfied', because: 'runs v1.34.4' });
  });

  test('the others follow the configuration of the cluster', async () => {
    const { trial, calls } = controlPlane({ config: to });
    await trial.play(stepOf(false));
    expect(calls[0]).toContain('kubeadm upgrade node');
  });

  test('static pods that are new are not enough of the first: the configuration of the cluster comes after them', async () => {
    const { trial, calls } = controlPlane({ from: to });
    expect((await trial.play(stepOf(true))).first).toMatchObject({
      because: "the cluster's configuration says v1.33.13",
    });
    expect(calls).toHaveLength(1);
  });

  test('nothing is touched of an apiserver that would lose the keys that another hand gave it', async () => {
    const { trial, calls } = controlPlane();
    const path = '/etc/kubernetes/manifests/kube-apiserver.yaml';
    trial.host.files.put(
      path,
      `${manifest('kube-apiserver', 'v1.33.13')}- --encryption-provider-config=/etc/enc.yaml\n`,
    );
    await expect(trial.play(stepOf(true))).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      message: expect.stringContaining('/etc/enc.yaml'),
    });
    expect(calls).toEqual([]);
  });

  test('nothing is touched while the API is not ready', async () => {
    const { trial, calls } = controlPlane({ serves: false });
    await expect(trial.play(stepOf(false))).rejects.toMatchObject({ code: 'GUARD_REFUSED', details: ['etcd failed'] });
    expect(calls).toEqual([]);
  });

  test('a kubeadm that ends well and has done nothing is not believed', async () => {
    const { trial } = controlPlane({ ends: 'v1.33.13' });
    await expect(trial.play(stepOf(false))).rejects.toThrow('kubeadm ended well, but kube-apiserver is v1.33.13');
  });
});

test('kubeadm gets a document from 1.32 on, and flags before', () => {
  const options = { certificateRenewal: false } as const;
  expect(upgradeArguments({ verb: 'node', to: 'v1.31.14', ...options })).toEqual({
    args: ['upgrade', 'node', '--certificate-renewal=false', '--etcd-upgrade=false'],
  });
  const phases = { skipPhases: ['addon/coredns'] };
  expect(upgradeArguments({ verb: 'apply', to: 'v1.32.0', ...options, ...phases })).toEqual({
    args: ['upgrade', 'apply', 'v1.32.0', '--yes'],
    document: {
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'UpgradeConfiguration',
      apply: {
        kubernetesVersion: 'v1.32.0',
        certificateRenewal: false,
        etcdUpgrade: false,
        imagePullPolicy: 'Never',
        ...phases,
      },
    },
  });
});

test('deprecated APIs are those that were asked for and that a release removes', () => {
  const line = (version: string, removed: string, value: string) =>
    `apiserver_requested_deprecated_apis{group="policy",removed_release="${removed}",resource="podsecuritypolicies",subresource="",version="${version}"} ${value}`;
  const metrics = [line('v1beta1', '1.25', '1'), line('v1beta2', '', '1'), line('v1beta3', '1.36', '0'), 'other 1'];
  expect(deprecatedApis(metrics.join('\n'))).toEqual([
    { group: 'policy', version: 'v1beta1', resource: 'podsecuritypolicies', removedRelease: '1.25' },
  ]);
});
