import { expect, test } from 'vitest';
import type { Json } from '../../plan/index.js';
import { etcdStateReport } from '../etcd/observation.js';
import type { Findings } from '../findings.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { statusReports } from './read.js';
import { observeStatus } from './view.js';

const ctx = planContext(smallCluster());
const report = (name: string, data: Json, host = 'm1') => ({ report: name, host, data });
const findings = (reports: Findings['reports'], failures: Findings['failures'] = []): Findings => ({
  reports,
  failures,
});
const ready = (status: string) => ({ conditions: [{ type: 'Ready', status, reason: 'ContainersNotReady' }] });
const pod = (name: string, phase: string, status: string) => ({
  kind: 'Pod',
  metadata: { name, namespace: 'kube-system' },
  spec: { nodeName: 'm1' },
  status: { phase, ...ready(status) },
});
const node = (status: string) => ({
  kind: 'Node',
  metadata: { name: 'm1', labels: { 'node-role.kubernetes.io/control-plane': '', pool: 'a' } },
  spec: {},
  status: {
    ...ready(status),
    addresses: [
      { type: 'Hostname', address: 'm1' },
      { type: 'InternalIP', address: '10.0.0.11' },
    ],
    nodeInfo: { kubeletVersion: 'v1.34.4', containerRuntimeVersion: 'containerd://2.1.9' },
  },
});
const objects = (...items: Json[]) => report(statusReports.objects, { items });
const etcd = (healthy: boolean) =>
  report(etcdStateReport, {
    endpoints: [{ endpoint: 'https://10.0.0.11:2379', healthy, ...(healthy ? {} : { error: 'refused' }) }],
    members: [
      {
        id: 'a1',
        name: 'm1',
        peerUrls: ['https://10.0.0.11:2380'],
        clientUrls: ['https://10.0.0.11:2379'],
        isLearner: false,
      },
    ],
    alarms: [],
    errors: [],
  });

test('a healthy cluster: nodes with their roles, pods counted, etcd, certificates by host', () => {
  const view = observeStatus(
    ctx,
    findings([
      objects(node('True'), pod('coredns', 'Running', 'True'), pod('job', 'Succeeded', 'False')),
      etcd(true),
      report(statusReports.certificates, {
        certificates: [{ name: '/etc/kubernetes/pki/ca.crt', expiresAt: '2036-01-01T00:00:00.000Z' }],
        broken: [],
      }),
    ]),
  );
  expect(view).toEqual({
    name: 'small',
    healthy: true,
    problems: [],
    nodes: [
      {
        name: 'm1',
        roles: ['control-plane'],
        ready: true,
        version: 'v1.34.4',
        address: '10.0.0.11',
        runtime: 'containerd://2.1.9',
      },
    ],
    pods: { running: 2, total: 2, notRunning: [] },
    etcd: [expect.objectContaining({ name: 'm1', state: 'healthy' })],
    certificates: [{ host: 'm1', name: '/etc/kubernetes/pki/ca.crt', expiresAt: '2036-01-01T00:00:00.000Z' }],
  });
});

test('everything that is wrong is a problem, and none of it hides the rest', () => {
  const view = observeStatus(
    ctx,
    findings(
      [
        objects(node('False'), pod('flannel', 'Running', 'False')),
        etcd(false),
        report(statusReports.certificates, { certificates: [], broken: [{ name: '/x.crt', error: 'odd' }] }),
      ],
      [{ host: 'w1', message: 'w1: cannot read' }],
    ),
  );
  expect(view.healthy).toBe(false);
  expect(view.problems).toEqual([
    'w1: cannot read',
    'node m1 is not Ready',
    'pod kube-system/flannel does not run',
    'etcd: m1 is not healthy: refused',
    '/x.crt on m1 cannot be read: odd',
  ]);
  expect(view.pods.notRunning).toEqual([
    { namespace: 'kube-system', name: 'flannel', phase: 'Running', reason: 'ContainersNotReady', node: 'm1' },
  ]);
});

test('etcd of which nobody told is unknown, not absent; nor are the nodes', () => {
  const view = observeStatus(ctx, findings([]));
  expect([view.etcd, view.healthy, view.problems]).toEqual([
    null,
    false,
    [
      'nodes and pods are unknown: the API was not asked, or did not answer',
      'the state of etcd is unknown: no member told of it',
    ],
  ]);
});

test('etcd of somebody else is no problem', () => {
  const external = planContext(
    smallCluster({
      etcd: {
        type: 'external',
        external: { endpoints: ['https://10.9.9.9:2379'], caFile: '/c', certFile: '/c', keyFile: '/k' },
      },
      roleGroups: { etcd: [] },
    }),
  );
  const view = observeStatus(external, findings([objects(node('True'))]));
  expect([view.etcd, view.healthy]).toEqual([[], true]);
});
