import { expect, test } from 'vitest';
import { planContext, smallCluster } from '../../task/plan-context.fixture.js';
import { etcdStateBeside, etcdStateOf } from './state.js';

const ctx = planContext(
  smallCluster({
    hosts: ['a', 'b', 'c'].map((name, index) => ({ name, address: `10.0.0.${index + 1}` })),
    roleGroups: { etcd: ['a'], 'control-plane': ['a'], worker: ['b', 'c'] },
  }),
);
const asked = (reading: typeof etcdStateOf) =>
  reading.pipeline.plan(ctx).nodes.flatMap(({ jobs }) => jobs.map(({ host }) => host));

test('hosts that have lost the role are asked too, and are not missed', () => {
  expect(asked(etcdStateOf)).toEqual(['a']);
  const beside = etcdStateBeside(['b', 'not-a-host']);
  expect(asked(beside)).toEqual(['a', 'b']);
  const report = { endpoints: [], members: [], alarms: [], errors: [] };
  const findings = { reports: [{ report: 'etcd:state', host: 'a', data: report }], failures: [] };
  expect(beside.interpret(ctx, findings).missing).toEqual(['a']);
});
