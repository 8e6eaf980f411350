import { expect, test } from 'vitest';
import { components, onDemand } from '../catalogue.js';
import { checksumText } from './checksums.js';
import { mirroredHosts, releaseFiles } from './releases.js';

test("files are below their upstream's host name, under upstream's own names", () => {
  const paths = releaseFiles('amd64').map(({ path, checksum }) => [path, checksum.path, checksum.style]);
  expect(paths).toContainEqual([
    'dl.k8s.io/release/v1.34.4/bin/linux/amd64/kubeadm',
    'dl.k8s.io/release/v1.34.4/bin/linux/amd64/kubeadm.sha256',
    'bare',
  ]);
  expect(paths).toContainEqual([
    'github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-amd64.tar.gz',
    'github.com/etcd-io/etcd/releases/download/v3.6.14/SHA256SUMS',
    'named',
  ]);
  expect(paths).toContainEqual([
    'github.com/containerd/containerd/releases/download/v2.1.9/containerd-2.1.9-linux-amd64.tar.gz',
    'github.com/containerd/containerd/releases/download/v2.1.9/containerd-2.1.9-linux-amd64.tar.gz.sha256sum',
    'named',
  ]);
  expect(paths).toContainEqual([
    'github.com/opencontainers/runc/releases/download/v1.3.6/runc.amd64',
    'github.com/opencontainers/runc/releases/download/v1.3.6/runc.sha256sum',
    'named',
  ]);
  expect(paths).toContainEqual([
    'github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz',
    'github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz.sha256',
    'named',
  ]);
  expect(paths).toContainEqual([
    'github.com/kubernetes-sigs/cri-tools/releases/download/v1.34.0/crictl-v1.34.0-linux-amd64.tar.gz',
    'github.com/kubernetes-sigs/cri-tools/releases/download/v1.34.0/crictl-v1.34.0-linux-amd64.tar.gz.sha256',
    'bare-line',
  ]);
});

test('no path is published twice and arm64 has its own', () => {
  const all = [...components, ...onDemand];
  const paths = [...releaseFiles('amd64', all), ...releaseFiles('arm64', all)].map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
});

test('the mirrored hosts are what the paths begin with', () => {
  expect(mirroredHosts().sort()).toEqual(['dl.k8s.io', 'github.com']);
});

test("checksum files read as upstream's", () => {
  expect(checksumText('bare', 'abc', 'kubeadm')).toBe('abc');
  expect(checksumText('bare-line', 'abc', 'crictl.tar.gz')).toBe('abc\n');
  expect(checksumText('named', 'abc', 'runc.amd64')).toBe('abc  runc.amd64\n');
});
