import { describe, expect, test } from 'vitest';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { etcdConfig } from './config.js';
import { etcdForApiserver, etcdMembers } from './endpoints.js';
import { installEtcd } from './install.js';

const three = smallCluster({
  hosts: ['a', 'b', 'c'].map((name, index) => ({
    name,
    address: `203.0.113.${index + 1}`,
    internalAddress: `10.0.0.${index + 1}`,
  })),
  roleGroups: { etcd: ['a', 'b', 'c'], 'control-plane': ['a'], worker: ['c'] },
});

function configOf(etcd: Readonly<Record<string, unknown>>) {
  const ctx = planContext(smallCluster({ etcd }));
  const [member] = etcdMembers(ctx);
  const settings = ctx.cluster.spec.etcd;
  if (member === undefined || settings.type !== 'kubexm') throw new Error('no member');
  return etcdConfig({ etcd: settings, member });
}

describe('etcd.yaml', () => {
  test('both directions want certificates of the own CA', () => {
    const transport = (name: string) => ({
      'cert-file': `/etc/etcd/pki/${name}.pem`,
      'key-file': `/etc/etcd/pki/${name}-key.pem`,
      'client-cert-auth': true,
      'trusted-ca-file': '/etc/etcd/pki/ca.pem',
    });
    expect(configOf({})).toMatchObject({
      name: 'm1',
      'listen-peer-urls': 'https://10.0.0.11:2380',
      'listen-client-urls': 'https://10.0.0.11:2379,https://127.0.0.1:2379',
      'client-transport-security': transport('server'),
      'peer-transport-security': transport('peer'),
    });
  });

  test('metrics get an address of their own only where one is given', () => {
    expect(configOf({})).not.toHaveProperty('listen-metrics-urls');
    expect(configOf({ performance: { metricsUrls: ['http://0.0.0.0:2381'] } })).toMatchObject({
      'listen-metrics-urls': 'http://0.0.0.0:2381',
    });
  });

  test("the user's own settings win", () => {
    expect(configOf({ extraArgs: { 'log-level': 'debug' } })).toMatchObject({ 'log-level': 'debug' });
  });
});

describe('the members', () => {
  test('speak to each other over the internal addresses', () => {
    const ctx = planContext(three);
    expect(etcdMembers(ctx).map(({ peerUrl }) => peerUrl)).toEqual([
      'https://10.0.0.1:2380',
      'https://10.0.0.2:2380',
      'https://10.0.0.3:2380',
    ]);
    expect(etcdForApiserver(ctx).endpoints).toEqual([
      'https://10.0.0.1:2379',
      'https://10.0.0.2:2379',
      'https://10.0.0.3:2379',
    ]);
  });

  test('are added one after the other, each when the one before serves', () => {
    const { nodes } = installEtcd.plan(planContext(three));
    const after = (name: string) => nodes.get(`install-etcd/${name}`)?.after.map(({ node }) => node);
    expect(after('check-a')).toEqual(['install-etcd/start-a']);
    expect(after('add-b')).toContain('install-etcd/check-a');
    expect(after('config-b')).toEqual(['install-etcd/add-b']);
    expect(after('start-b')).toContain('install-etcd/config-b');
    expect(after('promote-b')).toEqual(['install-etcd/start-b']);
    expect(after('add-c')).toContain('install-etcd/check-b');
    expect(after('verify')).toEqual(['install-etcd/check-c']);
  });

  test('do all that concerns them on their own hosts', () => {
    const { nodes } = installEtcd.plan(planContext(three));
    for (const verb of ['add', 'config', 'start', 'promote', 'check'])
      expect(nodes.get(`install-etcd/${verb}-b`)?.jobs.map(({ host }) => host)).toEqual(['b']);
  });

  test('the first founds the cluster, the others join those before them', () => {
    const { nodes } = installEtcd.plan(planContext(three));
    const joins = (name: string) => {
      const params = nodes.get(`install-etcd/config-${name}`)?.jobs[0]?.step.params;
      return (params as { readonly endpoints: readonly string[] } | undefined)?.endpoints;
    };
    expect(joins('a')).toEqual([]);
    expect(joins('c')).toEqual(['https://10.0.0.1:2379', 'https://10.0.0.2:2379']);
  });

  test('that have data come before those that have none: a new host may stand anywhere in the config', () => {
    const facts = { b: { leftovers: ['/var/lib/etcd/member', '/var/lib/etcd/member/wal'] } };
    const { nodes } = installEtcd.plan(planContext(three, { facts }));
    expect(nodes.has('install-etcd/add-b')).toBe(false);
    expect(nodes.get('install-etcd/add-a')?.after.map(({ node }) => node)).toContain('install-etcd/check-b');
  });
});

describe('data without a log', () => {
  const data = { leftovers: ['/var/lib/etcd/member'] };

  test('may be those of a cluster beside which no other is founded', () => {
    expect(() => installEtcd.plan(planContext(three, { facts: { b: data, c: data } }))).toThrow(
      'a has no etcd data, but b, c have',
    );
  });

  test.each([{}, { a: data }, { a: data, b: data, c: data }])('nothing is refused with data on %j', (facts) => {
    expect(installEtcd.plan(planContext(three, { facts })).nodes.size).toBeGreaterThan(10);
  });
});

test('an external etcd is only made known to the control planes', () => {
  const files = { caFile: '/srv/ca.pem', certFile: '/srv/client.pem', keyFile: '/srv/client-key.pem' };
  const cluster = smallCluster({
    roleGroups: { etcd: [], 'control-plane': ['m1'], worker: ['w1'] },
    etcd: { type: 'external', external: { endpoints: ['https://10.9.9.1:2379'], ...files } },
  });
  const ctx = planContext(cluster);
  expect(etcdForApiserver(ctx).endpoints).toEqual(['https://10.9.9.1:2379']);
  const jobs = [...installEtcd.plan(ctx).nodes.values()].flatMap((node) => node.jobs);
  expect(new Set(jobs.map(({ host }) => host))).toEqual(new Set(['control-node', 'm1']));
  const key = jobs.find(({ host, step }) => host === 'm1' && JSON.stringify(step.params).includes('client-key.pem'));
  expect(key?.step.params).toMatchObject({ source: { cert: '/srv/client.pem', key: '/srv/client-key.pem' } });
});
