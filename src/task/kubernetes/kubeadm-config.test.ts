import { describe, expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { imagesOf } from './images.js';
import { initDocuments, joinDocuments } from './kubeadm-config.js';

type Document = Readonly<Record<string, unknown>>;

function documentsOf(spec: Readonly<Record<string, unknown>>) {
  const ctx = planContext(smallCluster(spec));
  const init = initDocuments(ctx, 'm1');
  const kind = (name: string): Document => init.find((document) => document.kind === name) ?? {};
  return { init, kind, join: (host: string): Document => joinDocuments(ctx, host)[0] ?? {} };
}

describe('the version of the documents', () => {
  test.each([
    ['v1.30.14', 'kubeadm.k8s.io/v1beta3', { 'audit-log-maxage': '30' }],
    ['v1.31.0', 'kubeadm.k8s.io/v1beta4', [{ name: 'audit-log-maxage', value: '30' }]],
    ['v1.34.4', 'kubeadm.k8s.io/v1beta4', [{ name: 'audit-log-maxage', value: '30' }]],
  ])('%s takes %s', (version, apiVersion, extraArgs) => {
    const { init, kind, join } = documentsOf({
      kubernetes: { version, apiServer: { extraArgs: { 'audit-log-maxage': 30 } } },
    });
    expect(init.map((document) => document.apiVersion)).toEqual([
      apiVersion,
      apiVersion,
      'kubelet.config.k8s.io/v1beta1',
      'kubeproxy.config.k8s.io/v1alpha1',
    ]);
    expect(join('w1').apiVersion).toBe(apiVersion);
    expect(kind('ClusterConfiguration')).toMatchObject({ apiServer: { extraArgs } });
  });

  test('v1beta3 has no key that came with v1beta4', () => {
    const { kind } = documentsOf({ kubernetes: { version: 'v1.30.14' } });
    expect(kind('ClusterConfiguration')).not.toHaveProperty('encryptionAlgorithm');
  });
});

test('the token is a place and no value', () => {
  const { kind, join } = documentsOf({});
  expect(kind('InitConfiguration')).toMatchObject({ bootstrapTokens: [{ token: '$token' }] });
  expect(join('w1')).toMatchObject({ discovery: { tlsBootstrapToken: '$token' } });
});

test("the apiserver's certificate has every name and address once", () => {
  const { kind } = documentsOf({
    hosts: [
      { name: 'm1', address: '203.0.113.1', internalAddress: '10.0.0.11' },
      { name: 'w1', address: '10.0.0.21' },
    ],
    controlPlaneEndpoint: { domain: 'api.example', address: '10.0.0.100', port: 6443 },
    kubernetes: { apiServer: { certExtraSans: ['api.example', '198.51.100.1'] } },
  });
  expect(kind('ClusterConfiguration')).toMatchObject({
    controlPlaneEndpoint: 'api.example:6443',
    apiServer: {
      certSANs: [
        'api.example',
        '10.0.0.100',
        'localhost',
        '127.0.0.1',
        'm1',
        '203.0.113.1',
        '10.0.0.11',
        '198.51.100.1',
      ],
    },
  });
});

describe('a node', () => {
  test('registers with the address of the cluster', () => {
    expect(documentsOf({}).join('w1')).toMatchObject({
      nodeRegistration: { name: 'w1', kubeletExtraArgs: [{ name: 'node-ip', value: '10.0.0.21' }], taints: [] },
    });
    expect(documentsOf({}).join('w1')).not.toHaveProperty('controlPlane');
  });

  test('that is a control plane alone takes no pods; one that works too does', () => {
    const taint = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' };
    expect(documentsOf({}).kind('InitConfiguration')).toMatchObject({ nodeRegistration: { taints: [taint] } });
    const both = { etcd: ['m1'], 'control-plane': ['m1'], worker: ['m1', 'w1'] };
    expect(documentsOf({ roleGroups: both }).kind('InitConfiguration')).toMatchObject({
      nodeRegistration: { taints: [] },
    });
  });

  test("brings its own labels, but those of Kubernetes' domains", () => {
    const labels = { pool: 'a', 'node-role.kubernetes.io/db': '', 'topology.kubernetes.io/zone': 'z' };
    const { join } = documentsOf({
      hosts: [
        { name: 'm1', address: '10.0.0.11' },
        { name: 'w1', address: '10.0.0.21', labels },
      ],
    });
    expect(join('w1')).toMatchObject({
      nodeRegistration: { kubeletExtraArgs: expect.arrayContaining([{ name: 'node-labels', value: 'pool=a' }]) },
    });
  });
});

test('feature gates of one component come behind those of all, which it keeps', () => {
  const { kind } = documentsOf({
    kubernetes: {
      featureGates: { A: true, B: false },
      scheduler: { extraArgs: { 'feature-gates': 'B=true', v: '2' } },
    },
  });
  expect(kind('ClusterConfiguration')).toMatchObject({
    apiServer: { extraArgs: expect.arrayContaining([{ name: 'feature-gates', value: 'A=true,B=false' }]) },
    scheduler: {
      extraArgs: [
        { name: 'feature-gates', value: 'A=true,B=false,B=true' },
        { name: 'v', value: '2' },
      ],
    },
  });
});

test('feature gates reach every component', () => {
  const { kind } = documentsOf({ kubernetes: { featureGates: { A: true, B: false } } });
  const args = [{ name: 'feature-gates', value: 'A=true,B=false' }];
  expect(kind('ClusterConfiguration')).toMatchObject({
    apiServer: { extraArgs: args },
    controllerManager: { extraArgs: args },
    scheduler: { extraArgs: args },
  });
  expect(kind('KubeletConfiguration').featureGates).toEqual({ A: true, B: false });
  expect(kind('KubeProxyConfiguration').featureGates).toEqual({ A: true, B: false });
});

test("the user's keys are laid upon the kubelet's and kube-proxy's documents", () => {
  const { kind } = documentsOf({
    kubernetes: {
      kubelet: { extraConfig: { maxPods: 200, cgroupDriver: 'cgroupfs' } },
      kubeProxy: { mode: 'ipvs', extraConfig: { ipvs: { strictARP: true } } },
    },
  });
  expect(kind('KubeletConfiguration')).toMatchObject({
    maxPods: 200,
    cgroupDriver: 'cgroupfs',
    rotateCertificates: true,
  });
  expect(kind('KubeProxyConfiguration')).toMatchObject({ mode: 'ipvs', ipvs: { strictARP: true } });
});

test('images are pulled by who needs them', () => {
  const images = imagesOf(smallCluster({ kubernetes: { imageRepository: 'r.example/k8s', version: 'v1.34.4' } }));
  expect(images).toEqual({
    controlPlane: [
      'r.example/k8s/kube-apiserver:v1.34.4',
      'r.example/k8s/kube-controller-manager:v1.34.4',
      'r.example/k8s/kube-scheduler:v1.34.4',
      'r.example/k8s/pause:3.10.1',
    ],
    everyNode: [
      'r.example/k8s/pause:3.10.1',
      'r.example/k8s/kube-proxy:v1.34.4',
      expect.stringMatching(/flannel:v/),
      expect.stringMatching(/flannel-cni-plugin:v/),
    ],
    dns: ['r.example/k8s/coredns:v1.12.1'],
    endpoint: { controlPlane: [], worker: [] },
  });
  expect(imagesOf(smallCluster({ network: { plugin: 'none' } })).everyNode).toHaveLength(2);
});
