import { describe, expect, test } from 'vitest';
import { seal } from '../../plan/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { type AdoptionObservation, adoptCluster, forecastAdoption } from './adopt.js';

const ctx = planContext(
  smallCluster({
    hosts: [
      { name: 'm1', address: '10.0.0.11' },
      { name: 'm2', address: '10.0.0.12' },
      { name: 'w1', address: '10.0.0.21' },
    ],
    roleGroups: { etcd: ['m1'], 'control-plane': ['m1', 'm2'], worker: ['w1'] },
  }),
);
const kubernetes = ['ca.crt', 'ca.key', 'front-proxy-ca.crt', 'front-proxy-ca.key', 'sa.key', 'sa.pub'];
const own = ctx.workDirs.getCertsDir('kubernetes');

type Digests = Readonly<Record<string, string | undefined>>;

/** What a healthy cluster of another machine says, with digests laid over it by host. */
function observed(
  over: Readonly<Record<string, Digests>> = {},
  nodes: Partial<AdoptionObservation['nodes']> = {},
): AdoptionObservation {
  const pki = Object.fromEntries(kubernetes.map((name) => [`/etc/kubernetes/pki/${name}`, name]));
  const etcd = Object.fromEntries(
    ['ca', 'ca-key', 'server', 'server-key', 'admin', 'admin-key'].map((name) => [`/etc/etcd/pki/${name}.pem`, name]),
  );
  const digests: Record<string, Digests> = {
    'control-node': { ...over['control-node'] },
    m1: { ...pki, ...etcd, ...over.m1 },
    m2: { ...pki, ...over.m2 },
  };
  const known = Object.entries(digests).map(
    ([host, found]) =>
      [host, Object.fromEntries(Object.entries(found).filter(([, sha]) => sha !== undefined))] as const,
  );
  const node = (name: string) => ({
    metadata: { name },
    spec: {},
    status: { nodeInfo: { kubeletVersion: ctx.cluster.spec.kubernetes.version } },
  });
  const objects = ['m1', 'm2', 'w1'].map(node) as unknown as AdoptionObservation['nodes']['objects'];
  return {
    digests: new Map(known as [string, Record<string, string>][]),
    nodes: { objects, nodes: [], failures: [], ...nodes },
  };
}

describe('adoption', () => {
  test('what hosts have comes to its place in the work directory; CAs are proved before anything is signed with them', () => {
    const { fetch, warnings } = forecastAdoption(ctx, observed());
    expect(warnings).toEqual([]);
    expect(fetch.map(({ host, path }) => `${host} ${path}`)).toEqual([
      ...kubernetes.map((name) => `m1 /etc/kubernetes/pki/${name}`),
      ...['ca', 'ca-key', 'admin', 'admin-key', 'server', 'server-key'].map((name) => `m1 /etc/etcd/pki/${name}.pem`),
    ]);
    expect(fetch.filter(({ mode }) => mode === 0o600).every(({ path }) => path.includes('key'))).toBe(true);
    const hosts = ctx.cluster.spec.hosts.map(({ name }) => name);
    const graph = seal('adopt', adoptCluster(observed()).plan(ctx), { hosts });
    const admin = graph.nodes.find(({ id }) => id === '/pki/kubernetes/admin');
    expect(admin?.after.map(({ node }) => node)).toContain('/adopt/prove-ca');
  });

  test('without the key of etcd it is adopted all the same, and told what to do', () => {
    const { fetch, warnings } = forecastAdoption(ctx, observed({ m1: { '/etc/etcd/pki/ca-key.pem': undefined } }));
    expect(fetch.some(({ target }) => target.endsWith('etcd/ca-key.pem'))).toBe(false);
    expect(warnings).toEqual([expect.stringMatching(/kubexm certs rotate-ca etcd/)]);
  });

  test('what is in the work directory already, and the same, is no obstacle', () => {
    expect(() => forecastAdoption(ctx, observed({ 'control-node': { [`${own}/ca.key`]: 'ca.key' } }))).not.toThrow();
  });

  test.each([
    ['another CA in the work directory', observed({ 'control-node': { [`${own}/ca.crt`]: 'x' } }), /cannot be adopted/],
    [
      'control planes with different keys',
      observed({ m2: { '/etc/kubernetes/pki/sa.key': 'x' } }),
      /cannot be adopted/,
    ],
    [
      'no key of the CA anywhere',
      observed({ m1: { '/etc/kubernetes/pki/ca.key': undefined }, m2: { '/etc/kubernetes/pki/ca.key': undefined } }),
      /cannot be adopted/,
    ],
    ['an etcd of kubeadm', observed({ m1: { '/etc/kubernetes/manifests/etcd.yaml': 'x' } }), /static pod of kubeadm/],
    ['no API', observed({}, { objects: null }), /answers as the API/],
    ['hosts of another cluster', observed({}, { objects: [] }), /m1, m2 is no node/],
  ])('%s is refused', (_what, found, message) => {
    expect(() => forecastAdoption(ctx, found)).toThrow(message);
  });
});
