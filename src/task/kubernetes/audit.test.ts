import { expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { auditSettings } from './audit.js';
import { initDocuments } from './kubeadm-config.js';

const policy = (level: string) => ({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level }] });
const contextOf = (apiServer: object, digests: Readonly<Record<string, string>> = {}) =>
  planContext(smallCluster({ kubernetes: { apiServer } }), { fileDigests: new Map(Object.entries(digests)) });
const apiServerOf = (ctx: ReturnType<typeof contextOf>) =>
  initDocuments(ctx, 'm1').find(({ kind }) => kind === 'ClusterConfiguration')?.apiServer;

test('another policy is another file, and so another manifest; the same policy is the same', () => {
  const nameOf = (level: string) => auditSettings(contextOf({ audit: { policy: policy(level) } }))?.files[0]?.name;
  expect(nameOf('Metadata')).toMatch(/^policy-[0-9a-f]{12}\.yaml$/);
  expect(nameOf('Metadata')).toBe(nameOf('Metadata'));
  expect(nameOf('Metadata')).not.toBe(nameOf('Request'));
});

test('policy, log and webhook reach kube-apiserver as flags and volumes; the files are closed to others', () => {
  const audit = { policyFile: './policy.yaml', maxBackups: 3, webhook: { configFile: '/srv/hook.yaml' } };
  const ctx = contextOf(
    { audit, extraArgs: { v: 2 } },
    { '/srv/policy.yaml': 'a'.repeat(64), '/srv/hook.yaml': 'b'.repeat(64) },
  );
  const args = Object.entries({
    'audit-policy-file': `/etc/kubernetes/audit/policy-${'a'.repeat(12)}.yaml`,
    'audit-log-path': '/var/log/kubernetes/audit/audit.log',
    'audit-log-maxage': '30',
    'audit-log-maxbackup': '3',
    'audit-log-maxsize': '100',
    'audit-webhook-config-file': `/etc/kubernetes/audit/webhook-${'b'.repeat(12)}.yaml`,
    'audit-webhook-mode': 'batch',
    v: '2',
  });
  expect(apiServerOf(ctx)).toMatchObject({
    extraArgs: args.map(([name, value]) => ({ name, value })),
    extraVolumes: [
      { name: 'kubexm-audit', hostPath: '/etc/kubernetes/audit', readOnly: true },
      { name: 'kubexm-audit-log', hostPath: '/var/log/kubernetes/audit', readOnly: false },
    ],
  });
  for (const { place } of auditSettings(ctx)?.files ?? []) expect(place.params).toMatchObject({ mode: 0o600 });
});

test("the user's volumes come in kubeadm's shape, to the component that they are for", () => {
  const volume = { name: 'a', hostPath: '/etc/a', mountPath: '/etc/b', readOnly: true, pathType: 'File' };
  const ctx = planContext(smallCluster({ kubernetes: { scheduler: { extraVolumes: [volume] } } }));
  const [, cluster] = initDocuments(ctx, 'm1');
  expect(cluster).toMatchObject({ scheduler: { extraVolumes: [volume] } });
  expect([cluster?.apiServer, cluster?.controllerManager]).not.toContainEqual(
    expect.objectContaining({ extraVolumes: expect.anything() }),
  );
});
