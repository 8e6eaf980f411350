import { describe, expect, test } from 'vitest';
import type { Json } from '../../plan/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { certificateDrift, certificateProblems } from './observe.js';
import { observeAllCertificates, readAllCertificates } from './read.js';

const cluster = smallCluster();
const ctx = planContext(cluster);
const ownDir = ctx.workDirs.getCertsDir('kubernetes');
const etcdDir = ctx.workDirs.getCertsDir('etcd');

const certificate = (name: string, over: Readonly<Record<string, Json>> = {}) => ({
  name,
  subject: 'CN=x',
  sans: [],
  expiresAt: '2027-01-01T00:00:00.000Z',
  daysLeft: 300.5,
  serial: '01',
  fingerprint: name,
  signedBy: ['CA'],
  ...over,
});

/** What the control machine and m1 say; w1 does not answer. `more`: of the work directory. */
function observe(
  over: Readonly<Record<string, Readonly<Record<string, Json>>>> = {},
  more: readonly ReturnType<typeof certificate>[] = [],
) {
  const own = [
    ...more,
    certificate(`${ownDir}/ca.crt`, { fingerprint: 'CA' }),
    certificate(`${ownDir}/front-proxy-ca.crt`, { fingerprint: 'FP' }),
    certificate(`${etcdDir}/ca.pem`, { fingerprint: 'ETCD' }),
  ];
  const pki = '/etc/kubernetes/pki';
  const host = [
    certificate(`${pki}/ca.crt`, { fingerprint: 'CA' }),
    certificate(`${pki}/front-proxy-ca.crt`, { fingerprint: 'FP' }),
    certificate(`${pki}/apiserver.crt`, {
      sans: `m1 kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local lb.kubexm.local localhost`
        .split(' ')
        .map((name) => `DNS:${name}`)
        .concat(['IP:10.233.0.1', 'IP:10.0.0.11', 'IP:127.0.0.1']),
    }),
    certificate(`${pki}/front-proxy-client.crt`, { signedBy: ['FP'] }),
    certificate('/etc/kubernetes/admin.conf', { part: 'authority', fingerprint: 'CA' }),
    certificate('/etc/kubernetes/admin.conf', { part: 'client' }),
  ].map((each) => ({ ...each, ...over[each.name] }));
  return observeAllCertificates(ctx, {
    reports: [
      { report: 'certificates', host: 'control-node', data: { certificates: own, broken: [] } },
      { report: 'certificates', host: 'm1', data: { certificates: host, broken: [] } },
    ],
    failures: [{ host: 'w1', message: 'w1 refused the key' }],
  });
}

const at = (path: string, over: Parameters<typeof observe>[0] = {}) => {
  const found = observe(over).find((each) => each.path === path && each.host === 'm1');
  if (found === undefined) throw new Error(`nothing is told of ${path}`);
  return found;
};

describe('the CA of a registry', () => {
  const path = '/etc/containerd/certs.d/images.example:5000/ca.crt';
  const caFiles = { 'images.example:5000': '/srv/ca.pem' };
  const withRegistry = planContext({
    ...cluster,
    spec: { ...cluster.spec, registry: { ...cluster.spec.registry, caFiles } },
  });
  const seen = (there: readonly ReturnType<typeof certificate>[], given: readonly string[] = ['A', 'B']) => {
    const own = given.map((fingerprint) => certificate('/srv/ca.pem', { fingerprint }));
    const all = observeAllCertificates(withRegistry, {
      reports: [
        { report: 'certificates', host: 'control-node', data: { certificates: own, broken: [] } },
        { report: 'certificates', host: 'm1', data: { certificates: [...there], broken: [] } },
      ],
      failures: [{ host: 'w1', message: 'w1 refused the key' }],
    });
    return all.filter((each) => each.path === path);
  };
  const file = ['A', 'B'].map((fingerprint, index) => certificate(path, { fingerprint, daysLeft: 20.5 - index * 15 }));

  test('each host reads its file once, however many nodes there are', () => {
    const nodes = [...readAllCertificates.plan(withRegistry).nodes.values()];
    const files = nodes.flatMap(({ jobs }) =>
      jobs.map(({ step }) => (step.params as { files?: string[] }).files ?? []),
    );
    expect(files.map((each) => each.filter((one) => one === path || one === '/srv/ca.pem'))).toContainEqual([path]);
    for (const each of files) expect(new Set(each).size).toBe(each.length);
  });

  test('is told of on every node; of several in a file the first to run out', () => {
    expect(seen(file).map(({ host, state, daysLeft }) => [host, state, daysLeft])).toEqual([
      ['m1', 'present', 5],
      ['w1', 'unknown', undefined],
    ]);
    expect(seen(file).flatMap(certificateDrift)).toEqual([]);
  });

  test('differs where the file that the config names has become another, and may be missing', () => {
    expect(seen(file, ['A', 'C']).flatMap(certificateDrift)).toEqual(['is not /srv/ca.pem: kubexm cluster apply']);
    expect(seen([])[0]).toMatchObject({ host: 'm1', state: 'missing', source: '/srv/ca.pem' });
  });
});

describe('the certificates of a cluster', () => {
  test('what is as it should be has no drift', () => {
    for (const name of ['ca.crt', 'front-proxy-ca.crt', 'apiserver.crt', 'front-proxy-client.crt'])
      expect(certificateDrift(at(`/etc/kubernetes/pki/${name}`)), name).toEqual([]);
    expect(certificateDrift(at('/etc/kubernetes/admin.conf'))).toEqual([]);
  });

  test('after a rotation, an apiserver shows the way from the CA before, until that is over', () => {
    const apiserver = (over: Readonly<Record<string, Json>>) => {
      const cross = certificate(`${ownDir}/ca-cross.crt`, { fingerprint: 'CROSS', ...over });
      const found = observe({}, [cross]).find(({ path }) => path === '/etc/kubernetes/pki/apiserver.crt');
      return found === undefined ? [] : certificateDrift(found);
    };
    expect(apiserver({})).toEqual([expect.stringContaining('no way from the CA before')]);
    expect(apiserver({ daysLeft: -1 })).toEqual([]);
    // The one that lies there is the one that has to.
    expect(apiserver({ fingerprint: '/etc/kubernetes/pki/apiserver.crt' })).toEqual([]);
  });

  test('what is not there is missing, what nobody could look at is unknown', () => {
    expect(at('/etc/kubernetes/scheduler.conf').state).toBe('missing');
    expect(observe().filter(({ host }) => host === 'w1')).toEqual([
      { host: 'w1', path: '/etc/kubernetes/pki/ca.crt', state: 'unknown', error: 'w1 refused the key' },
      {
        host: 'w1',
        path: '/var/lib/kubelet/pki/kubelet-client-current.pem',
        state: 'unknown',
        error: 'w1 refused the key',
      },
      { host: 'w1', path: '/var/lib/kubelet/pki/kubelet.crt', state: 'unknown', error: 'w1 refused the key' },
      {
        host: 'w1',
        path: '/var/lib/kubelet/pki/kubelet-server-current.pem',
        state: 'unknown',
        error: 'w1 refused the key',
      },
    ]);
  });

  test.each([
    ['/etc/kubernetes/pki/apiserver.crt', { sans: ['DNS:m1'] }, /^does not have DNS:kubernetes, .*IP:127\.0\.0\.1$/],
    ['/etc/kubernetes/pki/apiserver.crt', { signedBy: ['other'] }, /does not have|not signed by the CA/],
    ['/etc/kubernetes/pki/front-proxy-client.crt', { signedBy: ['CA'] }, /^is not signed by the CA/],
    ['/etc/kubernetes/pki/ca.crt', { fingerprint: 'old' }, /^is not the one of the work directory$/],
  ])('drift of %s with %j', (path, over, expected) => {
    expect(certificateDrift(at(path, { [path]: over })).join('; ')).toMatch(expected);
  });

  test('age and drift are problems, with the host and the path', () => {
    const path = '/etc/kubernetes/pki/front-proxy-client.crt';
    const problems = (daysLeft: number, warnDays: number) =>
      certificateProblems([at(path, { [path]: { daysLeft } })], warnDays);
    expect(problems(5.4, 5)).toEqual([]);
    expect(problems(5.4, 6)).toEqual([`${path} on m1 runs out in 5 days`]);
    expect(problems(-0.1, 0)).toEqual([`${path} on m1 has run out`]);
  });
});
