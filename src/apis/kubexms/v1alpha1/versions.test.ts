import { expect, test } from 'vitest';
import {
  criSocket,
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

test('the kubelet speaks to cri-dockerd where docker runs the containers', () => {
  const common = { runcVersion: '', cniPluginsVersion: '', crictlVersion: '', version: '' };
  const docker = {
    type: 'docker',
    criDockerdVersion: '',
    docker: { packages: [], extraConfig: {} },
    ...common,
  } as const;
  expect(criSocket(docker)).toBe('unix:///run/cri-dockerd.sock');
  expect(criSocket({ type: 'containerd', containerd: { extraConfig: {} }, ...common })).toBe(
    'unix:///run/containerd/containerd.sock',
  );
});
