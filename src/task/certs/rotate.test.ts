import { describe, expect, test } from 'vitest';
import { seal } from '../../plan/index.js';
import { kubernetesLeaves } from '../kubernetes/leaves.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import type { ObservedCertificate } from './observe.js';
import { type RotateCa, requireRotatable, rotateCa, rotationPass } from './rotate.js';
import { rotationStages } from './rotation-text.js';

const ctx = planContext(
  smallCluster({
    hosts: [
      { name: 'm1', address: '10.0.0.11' },
      { name: 'm2', address: '10.0.0.12' },
      { name: 'm3', address: '10.0.0.13' },
      { name: 'w1', address: '10.0.0.21' },
    ],
    roleGroups: { etcd: ['m1', 'm2', 'm3'], 'control-plane': ['m1', 'm2'], worker: ['w1'] },
  }),
);
const nodes = ['m1', 'm2', 'w1'];

/** `next`: of how many leaves, counted from the first, the next CA has signed; absent: there is no next CA. */
function certificates(next?: number, over: Partial<ObservedCertificate> = {}): ObservedCertificate[] {
  const leaf = (host: string, path: string) => ({ host, path, state: 'present' as const, isSignedByOwn: true });
  const leaves = [
    ...kubernetesLeaves(ctx).map(({ host, path }) => leaf(host, path)),
    ...['m1', 'm2', 'm3'].flatMap((host) => ['server', 'peer'].map((file) => leaf(host, `/etc/etcd/pki/${file}.pem`))),
  ];
  return [
    ...leaves.map((each, index) => ({ ...each, ...(next === undefined ? {} : { isSignedByNext: index < next }) })),
    { host: 'm1', path: '/etc/kubernetes/pki/ca.crt', state: 'present', trustsOwn: true, ...over },
  ];
}

function planOf(params: Partial<RotateCa> = {}) {
  const hosts = ctx.cluster.spec.hosts.map(({ name }) => name);
  const plan = rotateCa({ which: 'cluster', certificates: certificates(), nodes, ...params }).plan(ctx);
  const graph = seal('rotate', plan, { hosts });
  const behind = (later: string, earlier: string): boolean =>
    (graph.nodes.find(({ id }) => id === later)?.after ?? []).some(
      ({ node }) => node === earlier || behind(node, earlier),
    );
  const waits = (later: string, earlier: string) => behind(`rotate/${later}`, `rotate/${earlier}`);
  return { ids: graph.nodes.map(({ id }) => id.replace(/^rotate\//, '')), waits };
}

describe('rotation of a CA', () => {
  test.each([
    ['nothing begun', undefined, 'begin'],
    ['some signed anew', 3, 'trust'],
    ['all signed anew', 999, 'drop'],
  ] as const)('%s', (_what, next, pass) => {
    for (const which of ['cluster', 'etcd'] as const)
      expect(rotationPass({ which, certificates: certificates(which === 'etcd' && next === 3 ? 19 : next) })).toBe(
        pass,
      );
  });

  test('a certificate that is missing has not been signed anew', () => {
    const found = certificates(999).map((each, index) => (index === 0 ? { ...each, state: 'missing' as const } : each));
    expect(rotationPass({ which: 'cluster', certificates: found })).toBe('trust');
  });

  test('all trust both before anything is signed anew; everything is, before the old one goes', () => {
    const { waits } = planOf();
    for (const [earlier, later] of [
      ['ca-next', 'trust-both'],
      ['trust-both', 'two-cas-m1'],
      ['two-cas-m2', 'signing-new'],
      ['signing-new', 'apiserver-m1'],
      ['served-m1', 'apiserver-m2'],
      ['served-m2', 'admin.conf-m1'],
      ['accepted-m2', 'kubelets-trust-both'],
      ['kubelets-trust-both', 'apiserver-kubelet-client-m1'],
      ['kubelets-trust-both', 'controller-manager.conf-m1'],
      ['apiserver-kubelet-client-m1', 'restart-kube-apiserver-m1'],
      ['restart-kube-scheduler-m1', 'scheduler.conf-m2'],
      ['restart-kube-scheduler-m2', 'kubelet-m1'],
      ['kubelet-m1', 'first-kubelet-reports'],
      ['first-kubelet-reports', 'kubelet-w1'],
      ['kubelet-w1', 'kubelets-report-new'],
      ['kubelets-report-new', 'kubeconfig'],
      ['kubelet-w1', 'ca-control-planes'],
      ['kubelet-w1', 'trust-new-workers'],
      ['kubeconfig', 'ca-control-planes'],
      ['ca-control-planes', 'static-pods-m1'],
      ['static-pods-m2', 'forget-ca-signing.key'],
      ['pods-trust-both', 'ca-control-planes'],
      ['ca-control-planes', 'former-unpublished'],
      ['pods-trust-new', 'promote'],
      ['former-unpublished', 'promote'],
      ['kubelets-report', 'promote'],
      ['kubelets-accept', 'promote'],
    ] as const)
      expect(waits(later, earlier), `${later} after ${earlier}`).toBe(true);
  });

  test('nothing is made, not even on the control machine, before the gate is passed', () => {
    for (const which of ['cluster', 'front-proxy', 'etcd'] as const)
      expect(
        planOf({ which }).ids.filter((id) => id.startsWith('/')),
        which,
      ).toEqual([]);
  });

  test('where everything is signed anew, the old one is not trusted again', () => {
    for (const which of ['cluster', 'front-proxy', 'etcd'] as const) {
      const { ids } = planOf({ which, certificates: certificates(999) });
      expect(
        ids.filter((id) => id.startsWith('trust-both')),
        which,
      ).toEqual([]);
      expect(ids, which).toContain('promote');
    }
  });

  test('what was not restarted yet when a run ended is, before the old one goes', () => {
    const { waits } = planOf({ certificates: certificates(999) });
    for (const earlier of ['restart-kube-scheduler-m2', 'restart-kube-apiserver-m1', 'kubelet-w1'])
      expect(waits('ca-control-planes', earlier), earlier).toBe(true);
  });

  test('before one begins, every apiserver and every kubelet is at work; one that goes on may find some that are not', () => {
    const hosts = ctx.cluster.spec.hosts.map(({ name }) => name);
    const gate = (next?: number) => {
      const plan = requireRotatable({ which: 'cluster', certificates: certificates(next), nodes }).plan(ctx);
      return seal('gate', plan, { hosts }).nodes.map(({ id }) => id.slice(id.indexOf('/') + 1));
    };
    expect(gate()).toEqual(['ca', 'serves-m1', 'serves-m2', 'kubelets']);
    expect(gate(3)).toEqual(['ca']);
  });

  test('is told pass by pass and host by host, with what is done already', () => {
    const told = (which: RotateCa['which'], next?: number) =>
      rotationStages(ctx, { which, certificates: certificates(next) });
    expect(told('cluster')[1]).toBe(
      '2. sign anew what apiservers serve, then administrators; apiserver, controller manager and scheduler are restarted: m1, then m2; then kubelets: m1, m2, w1',
    );
    expect(told('etcd')[0]).toBe(
      '1. trust both on m1, m2, m3; members are restarted: m1, then m2, then m3; apiservers: m1, then m2',
    );
    expect(told('front-proxy', 999).map((stage) => stage.slice(0, 8))).toEqual(['1. done:', '2. done:', '3. trust']);
  });

  test('etcd: that all certificates are served is proved before the old CA goes, also where all are signed anew', () => {
    const { waits } = planOf({ which: 'etcd', certificates: certificates(999) });
    for (const earlier of ['served-peer-m3', 'health-m3', 'accepted-m2', 'forget-server-m1'])
      expect(waits('ca-members', earlier), earlier).toBe(true);
  });

  test('etcd: members and apiservers are restarted with both CAs before a leaf changes, and with the new one at the end', () => {
    const { waits } = planOf({ which: 'etcd' });
    for (const [earlier, later] of [
      ['trust-both', 'trust-both-member-m1'],
      ['trust-both-health-m1', 'trust-both-member-m2'],
      ['trust-both-apiserver-m2', 'install-server-m1'],
      ['accepted-m2', 'ca-members'],
      ['ca-members', 'trust-new-member-m1'],
      ['trust-new-apiserver-m2', 'promote'],
    ] as const)
      expect(waits(later, earlier), `${later} after ${earlier}`).toBe(true);
  });

  test.each([
    ['a host that does not answer', { certificates: certificates(undefined, { state: 'unknown' }) }, 'not every host'],
    ['a node that the config does not have', { nodes: [...nodes, 'x'] }, 'nodes that the config does not have'],
    ['a host that is no node', { nodes: ['m1', 'm2'] }, 'are no nodes of the cluster'],
    [
      'another CA than that of the work directory',
      { certificates: certificates(undefined, { trustsOwn: false }) },
      'not that of',
    ],
  ])('%s is refused', (_what, params, message) => {
    const all = { which: 'cluster' as const, certificates: certificates(), nodes, ...params };
    expect(() => requireRotatable(all).plan(ctx)).toThrow(message);
  });

  test('of the cluster is refused while apiservers look who signed what kubelets serve', () => {
    const kubernetes = { apiServer: { extraArgs: { 'kubelet-certificate-authority': '/etc/kubernetes/pki/ca.crt' } } };
    const strict = planContext(smallCluster({ kubernetes }));
    const plan = (which: RotateCa['which']) => requireRotatable({ which, certificates: [], nodes: [] }).plan(strict);
    expect(() => plan('cluster')).toThrow('apiservers are told');
    expect(() => plan('front-proxy')).not.toThrow();
  });
});

test('a CA whose key is elsewhere cannot be rotated', () => {
  const { cluster } = ctx;
  const keyless = planContext({
    ...cluster,
    spec: { ...cluster.spec, certs: { ...cluster.spec.certs, ca: { certFile: '/srv/company.crt' } } },
  });
  const gate = (which: RotateCa['which']) =>
    requireRotatable({ which, certificates: certificates(), nodes }).plan(keyless);
  expect(() => gate('cluster')).toThrow('the key of the CA is not here');
  expect(gate('etcd').nodes.size).toBeGreaterThan(0);
  expect(gate('front-proxy').nodes.size).toBeGreaterThan(0);
});
