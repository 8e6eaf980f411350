import { expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { etcdCertificates } from './certificates.js';

const files = { caFile: '/srv/ca.pem', certFile: '/srv/client.pem', keyFile: '/srv/client-key.pem' };
const external = {
  roleGroups: { etcd: [], 'control-plane': ['m1'], worker: ['w1'] },
  etcd: { type: 'external', external: { endpoints: ['https://10.9.9.1:2379'], ...files } },
};

test.each<[string, Parameters<typeof smallCluster>[0], readonly string[], readonly string[]]>([
  ['of its own etcd', {}, ['admin', 'apiserver-etcd-client', 'peer', 'server'], ['ca', 'ca-key']],
  ['of an external etcd', external, ['apiserver-etcd-client'], ['ca']],
])(
  'no certificate %s that a program reads comes to a host without its key: one step brings both',
  (_, spec, pairs, single) => {
    const fragment = etcdCertificates.plan(planContext(smallCluster(spec)));
    const steps = JSON.stringify([...fragment.nodes.values()].map(({ jobs }) => jobs));
    const together = [
      ...steps.matchAll(/"cert":"\/etc\/etcd\/pki\/([\w-]+)\.pem","key":"\/etc\/etcd\/pki\/\1-key\.pem"/g),
    ];
    expect(new Set(together.map(([, name]) => name))).toEqual(new Set(pairs));
    const alone = [...steps.matchAll(/"target":"\/etc\/etcd\/pki\/([\w-]+)\.pem"/g)].map(([, name]) => name);
    expect([...new Set(alone)]).toEqual(single);
  },
);
