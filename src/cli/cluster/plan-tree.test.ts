import { expect, test } from 'vitest';
import { createStyle } from '../../logger/index.js';
import { type CheckedJob, formatCheckedPlan } from './plan-tree.js';

const ids = ['/resource/etcd', 'p/pre/check', 'p/infra/etcd/upload', 'p/infra/etcd/start', 'p/infra/runtime/unit'];
const graph = { name: 'p', nodes: ids.map((id) => ({ id })) };
const job = (node: string, host: string, state: CheckedJob['state'], because: string): CheckedJob => ({
  node,
  host,
  title: `Do ${node.split('/').at(-1)}`,
  state,
  because,
});
const jobs = [
  job('/resource/etcd', 'control-node', 'satisfied', 'there'),
  job('p/pre/check', 'm1', 'satisfied', 'fine'),
  job('p/infra/etcd/upload', 'm1', 'would-change', 'missing'),
  job('p/infra/etcd/upload', 'w1', 'would-change', 'missing'),
  job('p/infra/etcd/upload', 'w2', 'would-change', 'content differs'),
  job('p/infra/etcd/start', 'm1', 'waits', 'waits for upload'),
  job('p/infra/runtime/unit', 'm1', 'satisfied', 'fine'),
];
const style = createStyle(false);

test('shows what would be done where and why, and counts what is as wanted', () => {
  expect(formatCheckedPlan(graph, jobs, { all: false, style })).toBe(
    [
      'p',
      '  shared  ✔ 1 job as wanted',
      '  pre  ✔ 1 job as wanted',
      '  infra',
      '    etcd',
      '      + upload  Do upload  [m1, w1]  missing',
      '      + upload  Do upload  [w2]  content differs',
      '      … start  Do start  [m1]  waits for upload',
      '    runtime  ✔ 1 job as wanted',
    ].join('\n'),
  );
});

test('all: every job', () => {
  expect(formatCheckedPlan(graph, jobs, { all: true, style })).toContain('    ✔ check  Do check  [m1]  fine');
});
