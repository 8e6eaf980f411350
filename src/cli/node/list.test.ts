import { expect, test } from 'vitest';
import { nodesText } from './list.js';

test('nodes in a table, and below it what is worth a word', () => {
  const now = Date.parse('2026-02-01T00:00:00Z');
  const base = { inConfig: true, cordoned: false, conditions: [], drift: [] };
  const text = nodesText(
    [
      {
        ...base,
        name: 'm1',
        state: 'ready',
        roles: ['control-plane', 'etcd'],
        createdAt: '2026-01-01T00:00:00Z',
        kubelet: 'v1.34.4',
        certificateDays: 300,
        cordoned: true,
        drift: ['label pool'],
      },
      { ...base, name: 'w1', state: 'absent', roles: ['worker'] },
    ],
    now,
  );
  expect(text.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual([
    'NODE  STATE  ROLES  AGE  KUBELET  RUNTIME  OS  KERNEL  ADDRESS  CERTIFICATE',
    'm1  ready, cordoned  control-plane,etcd  31d  v1.34.4  -  -  -  -  300 days',
    'w1  no node  worker  -  -  -  -  -  -  unknown',
    '',
    'm1: label pool',
  ]);
});
