import { expect, test } from 'vitest';
import type { Cluster } from './types.js';
import {
  corednsImage,
  defaultKubernetesVersion,
  minorOf,
  newestMinor,
  oldestMinor,
  versionsFor,
  versionTable,
} from './versions.js';

test('the table has every minor between its ends', () => {
  const minors = Object.keys(versionTable).map((minor) => Number(minor.slice(2)));
  expect(minors).toEqual(Array.from({ length: newestMinor - oldestMinor + 1 }, (_, i) => oldestMinor + i));
  expect(minors).toContain(minorOf(defaultKubernetesVersion));
});

test('a newer minor takes the newest row, an older one the oldest', () => {
  expect(versionsFor('v1.99.0')).toBe(versionTable[`1.${newestMinor}`]);
  expect(versionsFor('v1.20.0')).toBe(versionTable[`1.${oldestMinor}`]);
});

test('crictl follows the minor of Kubernetes', () => {
  for (const [minor, { crictl }] of Object.entries(versionTable)) expect(crictl.startsWith(`v${minor}.`)).toBe(true);
});

test.each([
  [{ imageRepository: 'registry.k8s.io', dns: {} }, 'registry.k8s.io/coredns/coredns:v1.12.1'],
  [{ imageRepository: 'images.example/k8s', dns: {} }, 'images.example/k8s/coredns:v1.12.1'],
  [{ imageRepository: 'registry.k8s.io', dns: { imageRepository: 'dns.example' } }, 'dns.example/coredns:v1.12.1'],
  [
    { imageRepository: 'images.example/k8s', dns: { imageRepository: 'registry.k8s.io', imageTag: 'v1.13.1' } },
    'registry.k8s.io/coredns/coredns:v1.13.1',
  ],
])('the CoreDNS image is the one that kubeadm asks for: %j', (kubernetes, image) => {
  const cluster = { spec: { kubernetes: { version: 'v1.34.4', ...kubernetes } } };
  expect(corednsImage(cluster as unknown as Cluster)).toBe(image);
});
