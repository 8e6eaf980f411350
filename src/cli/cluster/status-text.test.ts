import { expect, test } from 'vitest';
import { createStyle } from '../../logger/index.js';
import { formatStatus } from './status-text.js';

test('nodes and etcd as tables, pods that do not run, the certificate that runs out first', () => {
  const text = formatStatus(
    {
      name: 'demo',
      healthy: false,
      problems: ['w1 is not Ready'],
      nodes: [
        {
          name: 'm1',
          roles: ['control-plane'],
          ready: true,
          version: 'v1.34.4',
          address: '10.0.0.1',
          runtime: 'containerd://2.1.9',
        },
        { name: 'w1', roles: [], ready: false, version: 'v1.34.4', address: '10.0.0.2', runtime: 'containerd://2.1.9' },
      ],
      pods: {
        running: 8,
        total: 9,
        notRunning: [
          { namespace: 'kube-system', name: 'flannel-x', phase: 'Pending', reason: 'ImagePullBackOff', node: 'w1' },
        ],
      },
      etcd: [
        {
          id: '8e9e05c52164694d',
          name: 'm1',
          role: 'leader',
          state: 'healthy',
          latencyMs: 2.41,
          version: '3.6.14',
          raftTerm: 2,
          raftIndex: 811,
          lag: 0,
          dbSizeBytes: 20_480,
          dbSizeInUseBytes: 10_240,
          quotaBytes: 2_048_000,
          dbPercent: 1,
          alarms: [],
        },
      ],
      certificates: [
        { host: 'm1', name: 'apiserver', expiresAt: '2027-01-01T00:00:00Z' },
        { host: 'm1', name: 'front-proxy', expiresAt: '2026-12-03T00:00:00Z' },
      ],
    },
    createStyle(false),
    Date.parse('2026-11-23T00:00:00Z'),
  );
  expect(text).toBe(
    [
      'Cluster demo: not healthy',
      '  ✖ w1 is not Ready',
      '',
      'NODE  READY  ROLES          VERSION  ADDRESS   RUNTIME',
      'm1    yes    control-plane  v1.34.4  10.0.0.1  containerd://2.1.9',
      'w1    NO     -              v1.34.4  10.0.0.2  containerd://2.1.9',
      '',
      'ETCD  ROLE    STATE    TERM  INDEX  LAG  DB       IN USE   QUOTA  LATENCY  VERSION  ALARMS',
      'm1    leader  healthy  2     811    0    20.5 kB  10.2 kB  1 %    2.4 ms   3.6.14   -',
      '',
      'Pods: 8 of 9 running',
      '  kube-system/flannel-x on w1: Pending (ImagePullBackOff)',
      '',
      'Certificates: 2, the first to run out: front-proxy on m1, in 10 days (2026-12-03)',
    ].join('\n'),
  );
});

test('etcd that nobody told of is shown as unknown', () => {
  const pods = { running: 0, total: 0, notRunning: [] };
  const status = { name: 'demo', healthy: false, problems: [], nodes: [], pods, certificates: [] };
  expect(formatStatus({ ...status, etcd: null }, createStyle(false))).toContain('\nETCD  unknown\n');
  expect(formatStatus({ ...status, etcd: [] }, createStyle(false))).not.toContain('ETCD');
});
