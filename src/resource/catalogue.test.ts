import { expect, test } from 'vitest';
import { componentNames, lookUp } from './catalogue.js';

const versions = {
  kubeadm: 'v1.34.4',
  kubelet: 'v1.34.4',
  kubectl: 'v1.34.4',
  etcd: 'v3.6.14',
  containerd: '2.1.9',
  runc: 'v1.3.6',
  'cni-plugins': 'v1.9.1',
  crictl: 'v1.34.0',
  'cri-dockerd': 'v0.3.21',
  helm: 'v3.19.0',
} as const;

test('every file and its checksum file have upstream’s address, for both architectures', () => {
  const lines = componentNames.flatMap((name) =>
    (['amd64', 'arm64'] as const).map((arch) => {
      const { url, checksumUrl } = lookUp({ name, version: versions[name], arch });
      return `${url} ${checksumUrl?.split('/').at(-1) ?? '-'}`;
    }),
  );
  expect(lines).toEqual([
    'https://dl.k8s.io/release/v1.34.4/bin/linux/amd64/kubeadm kubeadm.sha256',
    'https://dl.k8s.io/release/v1.34.4/bin/linux/arm64/kubeadm kubeadm.sha256',
    'https://dl.k8s.io/release/v1.34.4/bin/linux/amd64/kubelet kubelet.sha256',
    'https://dl.k8s.io/release/v1.34.4/bin/linux/arm64/kubelet kubelet.sha256',
    'https://dl.k8s.io/release/v1.34.4/bin/linux/amd64/kubectl kubectl.sha256',
    'https://dl.k8s.io/release/v1.34.4/bin/linux/arm64/kubectl kubectl.sha256',
    'https://github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-amd64.tar.gz SHA256SUMS',
    'https://github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-arm64.tar.gz SHA256SUMS',
    'https://github.com/containerd/containerd/releases/download/v2.1.9/containerd-2.1.9-linux-amd64.tar.gz containerd-2.1.9-linux-amd64.tar.gz.sha256sum',
    'https://github.com/containerd/containerd/releases/download/v2.1.9/containerd-2.1.9-linux-arm64.tar.gz containerd-2.1.9-linux-arm64.tar.gz.sha256sum',
    'https://github.com/opencontainers/runc/releases/download/v1.3.6/runc.amd64 runc.sha256sum',
    'https://github.com/opencontainers/runc/releases/download/v1.3.6/runc.arm64 runc.sha256sum',
    'https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz cni-plugins-linux-amd64-v1.9.1.tgz.sha256',
    'https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-arm64-v1.9.1.tgz cni-plugins-linux-arm64-v1.9.1.tgz.sha256',
    'https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.34.0/crictl-v1.34.0-linux-amd64.tar.gz crictl-v1.34.0-linux-amd64.tar.gz.sha256',
    'https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.34.0/crictl-v1.34.0-linux-arm64.tar.gz crictl-v1.34.0-linux-arm64.tar.gz.sha256',
    'https://github.com/Mirantis/cri-dockerd/releases/download/v0.3.21/cri-dockerd-0.3.21.amd64.tgz -',
    'https://github.com/Mirantis/cri-dockerd/releases/download/v0.3.21/cri-dockerd-0.3.21.arm64.tgz -',
    'https://get.helm.sh/helm-v3.19.0-linux-amd64.tar.gz helm-v3.19.0-linux-amd64.tar.gz.sha256sum',
    'https://get.helm.sh/helm-v3.19.0-linux-arm64.tar.gz helm-v3.19.0-linux-arm64.tar.gz.sha256sum',
  ]);
});

test('a version means the same with and without its v', () => {
  for (const name of componentNames) {
    const number = versions[name].replace(/^v/, '');
    expect(lookUp({ name, version: number, arch: 'amd64' })).toEqual(
      lookUp({ name, version: `v${number}`, arch: 'amd64' }),
    );
  }
});
