import { expect, test } from 'vitest';
import { images, mirroredRegistries, repositoryOf } from './image-table.js';

test("images have their upstream's names and the tags that kubeadm and flannel ask for", () => {
  expect(
    images()
      .map(({ name, tag }) => `${name}:${tag}`)
      .sort(),
  ).toEqual([
    'docker.io/library/busybox:1.36',
    'ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel1',
    'ghcr.io/flannel-io/flannel:v0.28.4',
    'registry.k8s.io/coredns/coredns:v1.14.7',
    'registry.k8s.io/kube-apiserver:v1.34.4',
    'registry.k8s.io/kube-controller-manager:v1.34.4',
    'registry.k8s.io/kube-proxy:v1.34.4',
    'registry.k8s.io/kube-scheduler:v1.34.4',
    'registry.k8s.io/pause:3.10.1',
  ]);
  expect(mirroredRegistries().sort()).toEqual(['docker.io', 'ghcr.io', 'registry.k8s.io']);
});

test("the mirror's registry serves them under the path without the host", () => {
  expect(images().map(repositoryOf)).toContain('coredns/coredns');
  expect(images().map(repositoryOf)).toContain('library/busybox');
});

test('programs are where the manifests of kubeadm and flannel start them', () => {
  const entry = (name: string) => images().find((image) => image.name.endsWith(name))?.config.Entrypoint;
  expect(entry('/kube-proxy')).toEqual(['/usr/local/bin/kube-proxy']);
  expect(entry('/flannel')).toEqual(['/opt/bin/flanneld']);
  expect(entry('/coredns')).toEqual(['/coredns']);
});

test('what changes packet filters stands on iptables', () => {
  const onNetwork = images().filter(({ base }) => base === 'network');
  expect(onNetwork.map(repositoryOf).sort()).toEqual(['flannel-io/flannel', 'kube-proxy']);
});
