import { expect, test } from 'vitest';
import { components, minorOf, onDemand, pauseTags, requested } from '../catalogue.js';
import { images, imagesOf, mirroredRegistries, repositoryOf } from './image-table.js';

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

test('a Kubernetes version brings the pause image that its kubeadm asks for', () => {
  const names = requested({ component: 'kubernetes', version: 'v1.33.13' })
    .flatMap(imagesOf)
    .map(({ name, tag }) => `${name}:${tag}`);
  expect(names.sort()).toEqual([
    'registry.k8s.io/coredns/coredns:v1.12.0',
    'registry.k8s.io/kube-apiserver:v1.33.13',
    'registry.k8s.io/kube-controller-manager:v1.33.13',
    'registry.k8s.io/kube-proxy:v1.33.13',
    'registry.k8s.io/kube-scheduler:v1.33.13',
    'registry.k8s.io/pause:3.10',
  ]);
});

test('every Kubernetes version has a pause tag, and every mirrored registry is one of those that clusters ask', () => {
  for (const { name, version } of [...components, ...onDemand]) {
    if (name === 'kubernetes') expect(pauseTags[minorOf(version)]).toBeDefined();
  }
  const registries = onDemand.flatMap(imagesOf).map(({ name }) => name.slice(0, name.indexOf('/')));
  expect(mirroredRegistries()).toEqual(expect.arrayContaining(registries));
});

test("the lab's haproxy starts as upstream's image does", () => {
  const [image] = requested({ component: 'haproxy', version: '3.0.11' }).flatMap(imagesOf);
  expect(image).toMatchObject({ name: 'docker.io/library/haproxy', tag: '3.0.11', base: 'haproxy' });
  expect(image?.config.Cmd).toEqual(['haproxy', '-f', '/usr/local/etc/haproxy/haproxy.cfg']);
});
