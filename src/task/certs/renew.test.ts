import { describe, expect, test } from 'vitest';
import { seal } from '../../plan/index.js';
import type { EtcdHealth } from '../etcd/health.js';
import { kubernetesLeaves } from '../kubernetes/leaves.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import type { ObservedCertificate } from './observe.js';
import { dueLeaves, type RenewAll, renewAllCertificates, requireAuthorities } from './renew.js';

const controlPlanes = ['m1', 'm2'];
const ctx = planContext(
  smallCluster({
    hosts: [
      { name: 'm1', address: '10.0.0.11' },
      { name: 'm2', address: '10.0.0.12' },
      { name: 'w1', address: '10.0.0.21' },
    ],
    roleGroups: { etcd: ['m1'], 'control-plane': controlPlanes, worker: ['w1'] },
  }),
);
const etcd: EtcdHealth = {
  verdict: 'healthy',
  quorum: '',
  problems: [],
  members: [{ id: 'm1', name: 'm1', role: 'voter', state: 'healthy', alarms: [] }],
  certificates: [{ host: 'm1', path: '/etc/etcd/pki/ca.pem', state: 'present', isOwn: true, daysLeft: 3000 }],
  apiservers: [],
  backups: [],
};

/** All leaves with 300 days left, but for those whose `kind host` is named. */
function certificates(over: Readonly<Record<string, Partial<ObservedCertificate>>> = {}): ObservedCertificate[] {
  return [
    ...kubernetesLeaves(ctx).map(({ host, path, kind }) => ({
      host,
      path,
      state: 'present' as const,
      daysLeft: 300,
      isSignedByOwn: true,
      ...over[`${kind} ${host}`],
    })),
    { host: 'm1', path: '/etc/etcd/pki/server.pem', state: 'present', daysLeft: 300, ...over['etcd m1'] },
  ];
}

function planOf(over: Parameters<typeof certificates>[0] = {}, more: Partial<RenewAll> = {}) {
  const params = { withinDays: 30, certificates: certificates(over), etcd, ...more };
  const hosts = ctx.cluster.spec.hosts.map(({ name }) => name);
  const graph = seal('renew', renewAllCertificates(params).plan(ctx), { hosts });
  const node = (id: string) => graph.nodes.find((each) => each.id === `renew-all/${id}`);
  const waits = (later: string, earlier: string): boolean =>
    (graph.nodes.find(({ id }) => id === later)?.after ?? []).some(
      ({ node: needed }) => needed === earlier || waits(needed, earlier),
    );
  return {
    graph,
    node,
    waits: (later: string, earlier: string) => waits(`renew-all/${later}`, `renew-all/${earlier}`),
  };
}

const due = (over: Parameters<typeof certificates>[0], more: Partial<RenewAll> = {}) =>
  dueLeaves(ctx, { withinDays: 30, certificates: certificates(over), ...more }).map(
    ({ kind, host }) => `${kind} ${host}`,
  );

describe('what is due', () => {
  test.each([
    ['nothing', {}, []],
    ['few days left', { 'apiserver m1': { daysLeft: 30 } }, ['apiserver m1']],
    ['missing', { 'admin.conf m2': { state: 'missing' } }, ['admin.conf m2']],
    ['a name that it lacks', { 'apiserver m2': { missingSans: ['DNS:x'] } }, ['apiserver m2']],
    ['of another CA', { 'scheduler.conf m1': { isSignedByOwn: false } }, ['scheduler.conf m1']],
    ['no way from the CA before', { 'apiserver m2': { lacksChain: true } }, ['apiserver m2']],
    ['a kubelet renews its own', { 'kubelet w1': { daysLeft: 3 } }, []],
    ['but not one that has run out', { 'kubelet w1': { daysLeft: -1 } }, ['kubelet w1']],
    ['of nobody knows', { 'apiserver m1': { state: 'unknown' } }, []],
  ] as const)('%s', (_what, over, expected) => expect(due(over as never)).toEqual(expected));

  test('only the kinds that are asked for', () => {
    const over = { 'apiserver m1': { daysLeft: 1 }, 'admin.conf m1': { daysLeft: 1 }, 'kubelet w1': { daysLeft: 3 } };
    expect(due(over, { only: ['apiserver'] })).toEqual(['apiserver m1']);
    expect(due(over, { only: ['kubelet'] })).toEqual(['kubelet w1']);
  });
});

describe('renewal', () => {
  test('one control plane after the other, each proved on the wire and with its readers restarted', () => {
    const { waits } = planOf({ 'apiserver m1': { daysLeft: 1 }, 'apiserver m2': { daysLeft: 1 } });
    expect(waits('served-m1', 'install-apiserver-m1')).toBe(true);
    expect(waits('restart-kube-scheduler-m1', 'served-m1')).toBe(true);
    expect(waits('install-apiserver-m2', 'restart-kube-scheduler-m1')).toBe(true);
  });

  test('etcd before the apiservers that hang on it; kubelets last', () => {
    const { waits } = planOf({
      'etcd m1': { daysLeft: 1 },
      'apiserver m1': { daysLeft: 1 },
      'kubelet w1': { daysLeft: -1 },
    });
    expect(waits('install-apiserver-m1', 'renew/accepted-m1')).toBe(true);
    expect(waits('kubelet-w1', 'restart-kube-scheduler-m2')).toBe(true);
    expect(waits('kubelets-report', 'kubelet-w1')).toBe(true);
  });

  test('with nothing due, nothing is made; what an interrupted run left is looked at all the same', () => {
    const { graph } = planOf();
    expect(graph.nodes.map(({ id }) => id).filter((id) => id.includes('install'))).toEqual([]);
    expect(graph.nodes.map(({ id }) => id)).toContain('renew-all/restart-kube-controller-manager-m2');
  });

  test.each([
    ['another CA', { path: '/etc/kubernetes/pki/ca.crt', isOwn: false }, 'not those of the work directory'],
    ['a rotation half done', { path: '/etc/etcd/pki/ca.pem', trusted: 2 }, 'half done'],
    [
      'one that has come to its last pass',
      { path: '/etc/kubernetes/pki/apiserver.crt', isSignedByNext: true, isSignedByOwn: false },
      'half done',
    ],
  ])('%s is refused', (_what, over, message) => {
    const found = [...certificates(), { host: 'm1', state: 'present' as const, ...over }];
    expect(() => requireAuthorities({ withinDays: 30, certificates: found }).plan(ctx)).toThrow(message);
  });
});

describe('with a CA whose key is elsewhere', () => {
  const elsewhere = planContext({
    ...ctx.cluster,
    spec: { ...ctx.cluster.spec, certs: { ...ctx.cluster.spec.certs, ca: { certFile: '/srv/company.crt' } } },
  });
  const params = (over: Parameters<typeof certificates>[0] = {}, more: Partial<RenewAll> = {}): RenewAll => ({
    withinDays: 30,
    certificates: certificates(over),
    ...more,
  });

  test.each<[string, NonNullable<Parameters<typeof certificates>[0]>, string[]]>([
    ['a kubelet is one like the others', { 'kubelet w1': { daysLeft: 20 } }, ['kubelet w1']],
    ['what was imported comes to its place', { 'scheduler.conf m1': { isOwn: false } }, ['scheduler.conf m1']],
  ])('%s', (_, over, wanted) => {
    expect(dueLeaves(elsewhere, params(over)).map(({ kind, host }) => `${kind} ${host}`)).toEqual(wanted);
  });

  test('what is due has to be signed before anything begins; what the front proxy signs is not asked for', () => {
    const over = { 'kubelet w1': { daysLeft: 20 }, 'front-proxy-client m1': { daysLeft: 20 } };
    const hosts = elsewhere.cluster.spec.hosts.map(({ name }) => name);
    const gate = seal('renew', requireAuthorities(params(over)).plan(elsewhere), { hosts });
    const [required, ...others] = gate.nodes.flatMap(({ jobs }) => jobs.map(({ step }) => step));
    const { certificates: wanted = [] } = (required?.params ?? {}) as unknown as {
      certificates?: { name: string; host: string; minDays: number }[];
    };
    expect(wanted.map(({ name, host, minDays }) => `${name} ${host} ${minDays}`)).toEqual([
      'kubelet w1 30',
      'admin control-node 30',
    ]);
    expect(others.map(({ kind, params: of }) => `${kind} ${JSON.stringify(of).includes('front-proxy-ca')}`)).toEqual([
      'pki.require-ca true',
    ]);
    const plan = seal('renew', renewAllCertificates(params(over)).plan(elsewhere), { hosts });
    const kinds = plan.nodes.flatMap(({ jobs }) => jobs.map(({ step }) => step.kind));
    expect(kinds).toContain('pki.signed-elsewhere');
    // Of the front proxy alone.
    expect(kinds.filter((kind) => kind === 'pki.certificate')).toHaveLength(1);
  });
});
