import { describe, expect, test } from 'vitest';
import type { EngineEvent } from '../../engine/index.js';
import { statusReports } from '../../pipeline/index.js';
import type { Json } from '../../plan/index.js';
import { statusView } from './status-view.js';

const report = (message: string, data: Json, host = 'm1'): EngineEvent => ({
  type: 'job-log',
  at: 0,
  node: 'n',
  host,
  level: 'debug',
  message,
  data,
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

test('a healthy cluster: nodes with their roles, pods counted, the leader of etcd, certificates by host', () => {
  const endpoint = 'https://10.0.0.11:2379';
  const view = statusView(
    { name: 'demo', hasEtcd: true },
    [
      objects(node('True'), pod('coredns', 'Running', 'True'), pod('job', 'Succeeded', 'False')),
      report(statusReports.etcd, {
        status: [
          { Endpoint: endpoint, Status: { header: { member_id: 7 }, leader: 7, version: '3.6.14', dbSize: 20480 } },
        ],
        health: [{ endpoint, health: true }],
      }),
      report(statusReports.certificates, [
        { name: '/etc/kubernetes/pki/ca.crt', expiresAt: '2036-01-01T00:00:00.000Z' },
      ]),
    ],
    new Map(),
  );
  expect(view).toEqual({
    name: 'demo',
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
    etcd: [{ name: '10.0.0.11', endpoint, healthy: true, leader: true, version: '3.6.14', dbSizeBytes: 20480 }],
    certificates: [{ host: 'm1', name: '/etc/kubernetes/pki/ca.crt', expiresAt: '2036-01-01T00:00:00.000Z' }],
  });
});

test('everything that is wrong is a problem, and none of it hides the rest', () => {
  const view = statusView(
    { name: 'demo', hasEtcd: true },
    [
      objects(node('False'), pod('flannel', 'Running', 'False')),
      report(statusReports.etcd, { status: [], health: [{ endpoint: 'https://10.0.0.11:2379', health: false }] }),
      {
        type: 'job-finished',
        at: 0,
        ms: 1,
        node: 'certificates',
        host: 'w1',
        kind: 'read.certificates',
        title: 'Read the certificates',
        outcome: {
          state: 'failed',
          phase: 'precheck',
          error: { code: 'COMMAND_FAILED', message: 'w1: cannot read', details: [] },
        },
      },
    ],
    new Map([['w2', 'no route to host']]),
  );
  expect(view.healthy).toBe(false);
  expect(view.problems).toEqual([
    'w2: no route to host',
    'w1: cannot read',
    'node m1 is not Ready',
    'pod kube-system/flannel does not run',
    'etcd at https://10.0.0.11:2379 is not healthy',
  ]);
  expect(view.pods.notRunning).toEqual([
    { namespace: 'kube-system', name: 'flannel', phase: 'Running', reason: 'ContainersNotReady', node: 'm1' },
  ]);
});

describe('etcd', () => {
  const [first, second] = ['https://10.0.0.11:2379', 'https://10.0.0.12:2379'] as const;
  const state = (endpoint: string, id: number) => ({
    Endpoint: endpoint,
    Status: { header: { member_id: id }, leader: 7, version: '3.6.14', dbSize: 20480 },
  });

  test('of which nobody told is unknown, not absent', () => {
    const view = statusView({ name: 'demo', hasEtcd: true }, [objects(node('True'))], new Map());
    expect([view.etcd, view.healthy, view.problems]).toEqual([
      null,
      false,
      ['the state of etcd is unknown: no member told of it'],
    ]);
  });

  test('of somebody else is no problem', () => {
    const view = statusView({ name: 'demo', hasEtcd: false }, [objects(node('True'))], new Map());
    expect([view.etcd, view.healthy]).toEqual([[], true]);
  });

  test('what one member cannot tell, another does', () => {
    const health = (endpoint: string, well: boolean) => ({ endpoint, health: well });
    const { etcd } = statusView(
      { name: 'demo', hasEtcd: true },
      [
        report(statusReports.etcd, { status: [state(first, 7)], health: [health(first, true), health(second, false)] }),
        report(statusReports.etcd, { status: [state(second, 8)], health: [health(first, true), health(second, true)] }),
      ],
      new Map(),
    );
    expect(etcd?.map(({ endpoint, healthy, leader }) => [endpoint, healthy, leader])).toEqual([
      [first, true, true],
      [second, true, false],
    ]);
  });
});
