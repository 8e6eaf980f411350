import { describe, expect, test } from 'vitest';
import { seal } from '../../plan/index.js';
import type { AdoptableKeys } from '../../step/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { type AdoptionObservation, adoptCluster, forecastAdoption } from './adopt.js';

const spec = {
  hosts: [
    { name: 'm1', address: '10.0.0.11' },
    { name: 'm2', address: '10.0.0.12' },
    { name: 'w1', address: '10.0.0.21' },
  ],
  roleGroups: { etcd: ['m1'], 'control-plane': ['m1', 'm2'], worker: ['w1'] },
};
const ctx = planContext(smallCluster(spec));
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
    keys: keysOf({}),
  };
}

const file = '/etc/kubernetes/encryption/config.yaml';
const nothing: AdoptableKeys = { providers: {}, keys: {}, missing: [] };
/** A control plane that works with these keys, the first to write with. */
const uses = (...names: string[]): AdoptableKeys => ({
  reads: file,
  providers: { secrets: [...names.map((name) => `secretbox ${name}`), 'clear'] },
  keys: Object.fromEntries(names.map((name) => [name, `digest of ${name}`])),
  missing: names,
});
function keysOf(hosts: Readonly<Record<string, AdoptableKeys>>): AdoptionObservation['keys'] {
  return { hosts: new Map(Object.entries({ m1: nothing, m2: nothing, ...hosts })), failures: [] };
}
/** The same cluster with a config that says this of Kubernetes. */
const configured = (of: Readonly<Record<string, unknown>>) => planContext(smallCluster({ ...spec, kubernetes: of }));
const encrypting = configured({ encryptionAtRest: {} });
const withKeys = (hosts: Parameters<typeof keysOf>[0]) => ({ ...observed(), keys: keysOf(hosts) });

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

  test('where the CA has no key, what was signed elsewhere comes from the host that has it, and no kubeconfig is made', () => {
    const keyless = planContext(smallCluster({ ...spec, certs: { ca: { certFile: '/srv/company.crt' } } }));
    const pairs = Object.fromEntries(
      ['apiserver.crt', 'apiserver.key'].map((name) => [`/etc/kubernetes/pki/${name}`, name]),
    );
    const gone = { '/etc/kubernetes/pki/ca.key': undefined };
    const found = observed({ m1: { ...pairs, ...gone }, m2: { ...pairs, ...gone } });
    const { fetch, warnings } = forecastAdoption(keyless, found);
    expect(warnings).toEqual([expect.stringMatching(/^no kubeconfig: /)]);
    const targets = fetch.map(({ host, target }) => `${host} ${target.slice(own.length + 1)}`);
    expect(targets).toEqual(
      expect.arrayContaining(['m1 apiserver-m1.crt', 'm1 apiserver-m1.key', 'm2 apiserver-m2.key']),
    );
    expect(targets.join()).not.toMatch(/[ /]ca\.key/);
    const hosts = spec.hosts.map(({ name }) => name);
    const plan = seal('adopt', adoptCluster(found).plan(keyless), { hosts });
    const kinds = plan.nodes.flatMap(({ jobs }) => jobs.map(({ step }) => step.kind));
    expect(kinds).toContain('pki.require-keyless-ca');
    expect(kinds).not.toContain('pki.kubeconfig');
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

describe('keys of what etcd holds encrypted', () => {
  const a = 'key-20260101000001';
  const b = 'key-20260101000002';
  const serving = { leftovers: ['/etc/kubernetes/admin.conf', file] };

  test('come from each control plane, one after the other; the plan has no key', () => {
    const found = withKeys({ m1: uses(a), m2: uses(a) });
    const forecast = forecastAdoption(encrypting, found);
    expect(forecast.warnings).toEqual([]);
    expect(forecast.notes[0]).toBe(`keys of what etcd holds encrypted, from m1, m2: ${a}`);
    const running = planContext(encrypting.cluster, { facts: { m1: serving, m2: serving } });
    const hosts = encrypting.cluster.spec.hosts.map(({ name }) => name);
    const graph = seal('adopt', adoptCluster(found).plan(running), { hosts });
    const second = graph.nodes.find(({ id }) => id === '/pki/kubernetes/encryption-key-of-m2');
    expect(second?.after.map(({ node }) => node)).toContain('/pki/kubernetes/encryption-key-of-m1');
    const bare = seal('adopt', adoptCluster(withKeys({})).plan(running), { hosts });
    expect(bare.nodes.some(({ id }) => id.includes('encryption'))).toBe(false);
  });

  const foreign = { ...nothing, reads: '/etc/kubernetes/enc/enc.yaml', digest: 'x' };
  const kms = {
    message: `m1: ${file} names a provider "kms": it is not of this kubexm's making`,
    details: [],
    hint: 'keep that file in a directory of its own',
  };
  const refused: readonly (readonly [string, Readonly<Record<string, AdoptableKeys>>, RegExp, RegExp])[] = [
    [
      'a KMS plugin',
      { m1: { ...nothing, reads: file, refusal: kms } },
      /m1: .*config\.yaml names a provider "kms"/,
      /own; then/,
    ],
    [
      'keys that have nothing in common',
      { m1: uses(a), m2: uses(b) },
      /^m2: .*config\.yaml has .*02, and no key/,
      /get secrets/,
    ],
    [
      'another key of the same name',
      { m1: uses(a), m2: { ...uses(a), keys: { [a]: 'another' } } },
      /^m2: .*config\.yaml has another key-20260101000001 than m1/,
      /get secrets/,
    ],
    [
      'a file that is gone',
      { m1: { ...nothing, reads: file } },
      /^m1: .*reads .*config\.yaml, which is not there/,
      /backup/,
    ],
    [
      'a file of another that the config does not name',
      { m1: foreign, m2: foreign },
      /^m1: .*enc\.yaml/,
      /extraArgs: \{.*enc\.yaml\}, instead/,
    ],
    ['two kinds of files', { m1: uses(a), m2: foreign }, /^m2: .*enc\.yaml/, /adopt$/],
  ];
  test.each(refused)('%s: refused, with the next thing to type', (_what, hosts, detail, hint) => {
    expect(refusalOf(() => forecastAdoption(encrypting, withKeys(hosts)))).toMatchObject({
      code: 'GUARD_REFUSED',
      message: expect.stringContaining('nothing was written'),
      details: expect.arrayContaining([expect.stringMatching(detail)]),
      hint: expect.stringMatching(hint),
    });
  });

  test('a control plane that did not tell is none without keys', () => {
    const keys = { hosts: new Map([['m1', uses(a)]]), failures: [{ host: 'm2', message: 'm2: connection lost' }] };
    expect(refusalOf(() => forecastAdoption(encrypting, { ...observed(), keys }))).toMatchObject({
      details: [`m2: with which keys it works (${file}) is not known: m2: connection lost`],
    });
  });

  test('a file of another that the config names stays where it is', () => {
    const named = configured({ apiServer: { extraArgs: { 'encryption-provider-config': foreign.reads } } });
    const { notes, warnings } = forecastAdoption(named, withKeys({ m1: foreign, m2: foreign }));
    expect(warnings).toEqual([]);
    expect(notes).toEqual(['m1', 'm2'].map((host) => expect.stringMatching(`^${host} keeps its own keys .*enc.yaml`)));
  });

  const differing: readonly (readonly [string, typeof ctx, Readonly<Record<string, AdoptableKeys>>, RegExp])[] = [
    [
      'the config asks for none',
      ctx,
      { m1: uses(a), m2: uses(a) },
      /encryptionAtRest: \{ provider: secretbox, resources: \[secrets\] \}/,
    ],
    ['the cluster has none', encrypting, {}, /wants secrets encrypted, which the cluster does not do/],
    [
      'another provider',
      configured({ encryptionAtRest: { provider: 'aescbc' } }),
      { m1: uses(a), m2: uses(a) },
      /encrypts with secretbox, the config says aescbc/,
    ],
    [
      'a resource more in the cluster',
      encrypting,
      Object.fromEntries(
        ['m1', 'm2'].map((host) => [
          host,
          { ...uses(a), providers: { ...uses(a).providers, configmaps: [`secretbox ${a}`] } },
        ]),
      ),
      /holds configmaps encrypted, which spec\.kubernetes\.encryptionAtRest\.resources does not name/,
    ],
    [
      'a rotation that was stopped',
      encrypting,
      { m1: uses(b, a), m2: uses(a) },
      /m1 .*02, .*01; m2 .*01\. kubexm cluster create/,
    ],
    ['one control plane without', encrypting, { m1: uses(a) }, /m2 none\. kubexm cluster create/],
  ];
  test.each(differing)('%s: adopted, and said', (_what, config, hosts, warning) => {
    const found = forecastAdoption(config, withKeys(hosts)).warnings;
    expect(found).toEqual([expect.stringMatching(warning)]);
  });
});

function refusalOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
