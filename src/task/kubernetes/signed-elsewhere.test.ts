import { describe, expect, test } from 'vitest';
import { CONTROL_NODE, draft, seal } from '../../plan/index.js';
import type { StepContext } from '../../step/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { initControlPlane } from './init-control-plane.js';
import { kubernetesLeaves } from './leaves.js';
import { kubernetesPki } from './pki.js';
import { reconcileControlPlane } from './reconcile-control-plane.js';
import { certificatesSignedElsewhere, nodeCredentials, requireSignedCertificates } from './signed-elsewhere.js';

const hosts = [
  { name: 'm1', address: '10.0.0.11' },
  { name: 'm2', address: '10.0.0.12' },
  { name: 'w1', address: '10.0.0.21' },
];
const spec = {
  hosts,
  roleGroups: { etcd: ['m1'], 'control-plane': ['m1', 'm2'], worker: ['w1'] },
  certs: { ca: { certFile: '/srv/company.crt' } },
};
const kubelet = '/etc/kubernetes/kubelet.conf';
const node = { leftovers: [kubelet] };
const serving = { leftovers: [kubelet, '/etc/kubernetes/admin.conf'] };

function contextOf(facts: Parameters<typeof planContext>[1] = {}, over: object = {}) {
  return planContext(smallCluster({ ...spec, ...over }), facts);
}

/** `NAME of HOST: days`, of the gate. */
function required(ctx: ReturnType<typeof planContext>): readonly string[] {
  const graph = seal('gate', requireSignedCertificates.plan(ctx), { hosts: hosts.map(({ name }) => name) });
  const step = graph.nodes.find(({ id }) => id.endsWith('/signed-elsewhere'))?.jobs[0]?.step;
  const { certificates = [] } = (step?.params ?? {}) as unknown as {
    certificates?: { name: string; host: string; minDays?: number }[];
  };
  return certificates.map(({ name, host, minDays = 0 }) => `${name} of ${host}: ${minDays}`);
}

describe('what is signed elsewhere', () => {
  test('nothing, where the key of the CA is here', () => {
    const ctx = planContext(smallCluster({ ...spec, certs: {} }));
    expect(certificatesSignedElsewhere(ctx)).toEqual([]);
    expect([...requireSignedCertificates.plan(ctx).nodes]).toEqual([]);
    expect(nodeCredentials(ctx, 'm1')).toEqual({});
  });

  test('all that the CA signs, one super-administrator, and the kubeconfig of the work directory', () => {
    const ctx = contextOf();
    const names = certificatesSignedElsewhere(ctx).map(({ host, name }) => `${name} ${host}`);
    const leaves = kubernetesLeaves(ctx).filter(
      ({ ca, kind, host }) => ca === 'ca' && !(kind === 'super-admin.conf' && host === 'm2'),
    );
    expect(names).toEqual([...leaves.map(({ kind, host }) => `${kind} ${host}`), `admin ${CONTROL_NODE}`]);
    expect(names).toHaveLength(6 + 5 + 3 + 1);
  });

  test('of the front proxy alone', () => {
    const ctx = planContext(smallCluster({ ...spec, certs: { frontProxyCa: { certFile: '/srv/fp.crt' } } }));
    expect(certificatesSignedElsewhere(ctx).map(({ host, name, source }) => `${name} ${host} ${source}`)).toEqual([
      'front-proxy-client m1 /srv/fp.crt',
      'front-proxy-client m2 /srv/fp.crt',
    ]);
  });
});

describe('what has to be signed before anything is touched', () => {
  test('everything, for a new cluster', () => {
    const all = required(contextOf());
    expect(all).toHaveLength(15);
    expect(all).toContain('kubelet of w1: 7');
    expect(all).toContain(`admin of ${CONTROL_NODE}: 0`);
  });

  test('of a cluster that is there, what it cannot do without', () => {
    const facts = { m1: serving, m2: serving, w1: node };
    expect(required(contextOf({ facts }))).toEqual([
      'apiserver of m1: 0',
      'apiserver of m2: 0',
      `admin of ${CONTROL_NODE}: 0`,
    ]);
    expect(required({ ...contextOf({ facts: { ...facts, w1: {} } }), only: new Set(['w1']) })).toEqual([
      'kubelet of w1: 7',
      `admin of ${CONTROL_NODE}: 0`,
    ]);
  });
});

function placed(facts: Parameters<typeof planContext>[1] = {}) {
  const ctx = contextOf(facts);
  const g = draft<StepContext>('all');
  g.include(kubernetesPki.plan(ctx));
  const { nodes } = seal('pki', g.done(), { hosts: hosts.map(({ name }) => name) });
  return nodes
    .flatMap(({ jobs }) => jobs)
    .map(({ host, step }) => ({ host, kind: step.kind, params: step.params as Record<string, unknown> }));
}

describe('what kubeadm finds', () => {
  test('the CA without its key, certificates and kubeconfigs, but for the one that says that all is there', () => {
    const jobs = placed();
    const targets = (host: string) =>
      jobs.flatMap(({ host: on, params }) => {
        const { target, path } = params as { target?: string | { cert: string }; path?: string };
        if (on !== host) return [];
        return typeof target === 'string' ? [target] : [target?.cert ?? path ?? ''];
      });
    for (const host of ['m1', 'm2']) {
      expect(targets(host)).toEqual(
        expect.arrayContaining([
          '/etc/kubernetes/pki/ca.crt',
          '/etc/kubernetes/pki/front-proxy-ca.key',
          '/etc/kubernetes/pki/apiserver.crt',
          '/etc/kubernetes/pki/apiserver-kubelet-client.crt',
          '/etc/kubernetes/controller-manager.conf',
          '/etc/kubernetes/scheduler.conf',
          '/etc/kubernetes/super-admin.conf',
        ]),
      );
      expect(targets(host)).not.toContain('/etc/kubernetes/pki/ca.key');
      expect(targets(host)).not.toContain('/etc/kubernetes/admin.conf');
      expect(targets(host)).not.toContain('/etc/kubernetes/pki/front-proxy-client.crt');
    }
    const superAdmins = jobs.filter(({ params }) => params.path === '/etc/kubernetes/super-admin.conf');
    expect(superAdmins.map(({ host, params }) => [host, params.client !== undefined])).toEqual([
      ['m1', true],
      ['m2', false],
    ]);
    expect(jobs.some(({ kind }) => kind === 'pki.certificate' || kind === 'pki.own-ca')).toBe(false);
  });

  test('a control plane that is there keeps its kubeconfigs', () => {
    const jobs = placed({ facts: { m1: serving } });
    const written = jobs.filter(({ kind }) => kind === 'pki.host-kubeconfig').map(({ host }) => host);
    expect([...new Set(written)]).toEqual(['m2']);
  });

  test('an apiserver that is there gets its names from what was signed; a control plane that is down is no obstacle', () => {
    const ctx = contextOf({ facts: { m1: serving } });
    const nodes = [...reconcileControlPlane.plan(ctx).nodes.values()];
    const kinds = (end: string) =>
      nodes.filter(({ id }) => id.endsWith(end)).flatMap(({ jobs }) => jobs.map(({ host, step }) => [host, step.kind]));
    expect(kinds('/certificate-m1')).toEqual([['m1', 'kube.place-serving-pair']]);
    expect(kinds('/take-apiserver-m1')).toEqual([[CONTROL_NODE, 'pki.signed-elsewhere']]);
    expect(nodes.flatMap(({ jobs }) => jobs.map(({ step }) => step.kind))).not.toContain('kube.serving-certificate');
  });

  test('the kubelet has what it would ask for, and the administrator comes last', () => {
    const ctx = contextOf();
    const nodes = [...initControlPlane.plan(ctx).nodes.values()];
    const init = nodes.find(({ id }) => id.endsWith('kubeadm-init'));
    const [job] = init?.jobs ?? [];
    expect(job?.step.params).toMatchObject({
      credentials: {
        kubelet: {
          server: 'https://10.0.0.11:6443',
          client: { cert: expect.stringMatching(/kubelet-m1\.crt$/) as string },
        },
        administrator: {
          path: '/etc/kubernetes/admin.conf',
          user: 'kubernetes-admin',
          client: { cert: expect.stringMatching(/admin\.conf-m1\.crt$/) as string },
        },
      },
    });
    // Nobody counts as a control plane before its turn has come.
    expect(nodes.filter(({ id }) => id.includes('place-'))).toEqual([]);
    const { documents = [] } = (job?.step.params ?? {}) as {
      documents?: { kind: string; rotateCertificates?: boolean }[];
    };
    expect(documents.find(({ kind }) => kind === 'KubeletConfiguration')?.rotateCertificates).toBe(false);
    const worker = nodeCredentials(ctx, 'w1').credentials;
    expect(worker?.kubelet.server).toMatch(/^https:\/\/[a-z.]+:6443$/);
    expect(worker?.administrator).toBeUndefined();
  });
});
