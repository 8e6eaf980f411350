import { expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { ignoredChecks } from './kubeadm-checks.js';

test.each([
  ['v1.34.4', { failCgroupV1: false }, 'v1', []],
  ['v1.35.1', {}, 'v1', []],
  ['v1.35.1', { failCgroupV1: false }, 'v2', []],
  ['v1.35.1', { failCgroupV1: false }, 'v1', ['SystemVerification']],
] as const)('kubeadm %s, %j, cgroup %s: %j are left out', (version, extraConfig, cgroup, ignored) => {
  const cluster = smallCluster({ kubernetes: { version, kubelet: { extraConfig } } });
  expect(ignoredChecks(planContext(cluster, { facts: { m1: { cgroup } } }), 'm1')).toEqual(ignored);
});
