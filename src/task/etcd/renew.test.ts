import { describe, expect, test } from 'vitest';
import { seal } from '../../plan/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import type { EtcdHealth } from './health.js';
import { renewEtcdCertificates } from './renew.js';

const names = ['m1', 'm2', 'm3'];
const ctx = planContext(
  smallCluster({
    hosts: [
      ...names.map((name, index) => ({ name, address: `10.0.0.1${index + 1}` })),
      { name: 'w1', address: '10.0.0.21' },
    ],
    roleGroups: { etcd: names, 'control-plane': ['m1', 'm2'], worker: ['w1'] },
  }),
);

type Certificate = EtcdHealth['certificates'][number];
const ca = (host: string, over: Partial<Certificate> = {}): Certificate => ({
  host,
  path: '/etc/etcd/pki/ca.pem',
  state: 'present',
  isOwn: true,
  daysLeft: 3000,
  ...over,
});
const observed = (over: Partial<EtcdHealth> = {}): EtcdHealth => ({
  verdict: 'healthy',
  quorum: '3 of 3 voters healthy, quorum 2: 1 may fail',
  problems: [],
  members: names.map((name) => ({ id: name, name, role: 'voter', state: 'healthy', alarms: [] })),
  certificates: names.map((name) => ca(name)),
  apiservers: [],
  backups: [],
  ...over,
});
const sick = { members: [{ id: 'a', name: 'm2', role: 'voter', state: 'unhealthy', alarms: [] }] } as const;
const ended = {
  certificates: [...names.map((name) => ca(name)), ca('m2', { path: '/etc/etcd/pki/peer.pem', daysLeft: -3 })],
};

function planOf(over: Partial<EtcdHealth> = {}) {
  const graph = seal('renew', renewEtcdCertificates({ renewBeforeDays: 360, observed: observed(over) }).plan(ctx), {
    hosts: ctx.cluster.spec.hosts.map((host) => host.name),
  });
  const node = (id: string) => graph.nodes.find((each) => each.id === id);
  /** Whether `later` waits for `earlier`, over any number of nodes. */
  const waits = (later: string, earlier: string): boolean =>
    (node(later)?.after ?? []).some(({ node: needed }) => needed === earlier || waits(needed, earlier));
  return { graph, node, waits };
}

describe('renewal of certificates', () => {
  test('goes on to the next member when the one before serves its own and all are healthy', () => {
    const { waits } = planOf();
    for (const [earlier, later] of [
      ['m1', 'm2'],
      ['m2', 'm3'],
    ] as const)
      for (const gate of [`renew/served-${earlier}`, `renew/served-peer-${earlier}`, `renew/health-${earlier}`])
        expect(waits(`renew/install-server-${later}`, gate), `${later} after ${gate}`).toBe(true);
    expect(waits('renew/install-client-m1', 'renew/health-m3')).toBe(true);
    expect(waits('renew/install-client-m2', 'renew/accepted-m1')).toBe(true);
  });

  test('forgets the old files last of all', () => {
    expect(planOf().waits('renew/forget-server-m1', 'renew/accepted-m2')).toBe(true);
  });

  test('says in each certificate when it is due, so that a second run makes none', () => {
    const { graph } = planOf();
    const steps = graph.nodes.flatMap(({ jobs }) => jobs.map(({ step }) => step));
    const made = steps.filter(({ kind }) => kind === 'pki.certificate');
    expect(made).toHaveLength(8);
    for (const { params } of made) expect(params).toMatchObject({ renewBeforeDays: 360 });
    expect(steps.some(({ kind }) => kind === 'pki.ca' || kind === 'service.restart')).toBe(false);
  });

  test('brings them to all members at once where one has run out: there may be no quorum to keep', () => {
    const { waits } = planOf({ ...sick, ...ended, verdict: 'no-quorum' });
    expect(waits('renew/install-server-m2', 'renew/served-m1')).toBe(false);
    expect(waits('renew/install-client-m1', 'renew/health')).toBe(true);
  });

  test.each<readonly [string, Partial<EtcdHealth>, string]>([
    ['a sick member', sick, 'not all members of etcd are healthy'],
    ["another cluster's CA", { certificates: [ca('m1'), ca('m2', { isOwn: false })] }, 'the CA that the members trust'],
    ['no CA at all', { certificates: [{ host: 'm1', path: '/etc/etcd/pki/ca.pem', state: 'present' }] }, 'the CA that'],
    ['hosts of which nothing is known', { certificates: [] }, 'the CA that the members trust'],
  ])('is refused with %s', (_what, over, message) => {
    expect(() => planOf(over)).toThrow(
      expect.objectContaining({ code: 'GUARD_REFUSED', message: expect.stringContaining(message) }),
    );
  });
});
