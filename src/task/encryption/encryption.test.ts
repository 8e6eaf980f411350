import { describe, expect, test } from 'vitest';
import { createCluster, decryption, rotationOfKey } from '../../pipeline/index.js';
import { initDocuments } from '../kubernetes/kubeadm-config.js';
import { clusterOf, exampleClusters, planContext } from '../plan-context.fixture.js';
import { type EncryptionObservation, settledKey } from './observe.js';

const text = exampleClusters().get('hardened') ?? '';
const without = text.replace(/^ *encryptionAtRest:.*\n/m, '');
const made = { leftovers: ['/etc/kubernetes/admin.conf'] };
const encrypting = { leftovers: [...made.leftovers, '/etc/kubernetes/encryption/config.yaml'] };
const hosts = ['m1', 'm2', 'm3'];
const contextOf = (yaml: string, facts: Readonly<Record<string, typeof made>>) =>
  planContext(clusterOf(yaml), { facts });
const all = (facts: typeof made) => Object.fromEntries(hosts.map((host) => [host, facts]));

const key = 'key-20260101000001';
const uses = `secretbox ${key}`;
const settled: EncryptionObservation = {
  hosts: new Map(hosts.map((host) => [host, { secrets: [uses, 'clear'] }])),
  unknown: [],
  stored: { secrets: { [uses]: 12 } },
  newestKey: key,
  failures: [],
};

function nodesOf(graph: ReturnType<typeof createCluster.plan>, prefix: string) {
  const short = (id: string) => id.replace(prefix, '');
  return new Map(
    graph.nodes.map((node) => [short(node.id), { after: node.after.map((edge) => short(edge.node)), jobs: node.jobs }]),
  );
}

test('keys change in passes, each on all control planes before the next, and objects are written anew in between', () => {
  const nodes = nodesOf(
    rotationOfKey({ observed: settled }).plan(contextOf(text, all(encrypting))),
    'rotate-key/keys/rotate-key/',
  );
  const hostsOf = (id: string) => nodes.get(id)?.jobs.map(({ host }) => host);
  expect([...nodes.keys()].filter((id) => !id.startsWith('/'))).toEqual([
    'keys-in-use',
    'keys-readable',
    'same-control-planes',
    'keys-writing',
    'rewrite-objects',
    'keys-final',
    'retire-keys',
  ]);
  for (const pass of ['keys-readable', 'keys-writing', 'keys-final'])
    expect([pass, hostsOf(pass)]).toEqual([pass, hosts]);
  expect(nodes.get('keys-in-use')?.after).toContain('/pki/kubernetes/encryption-key');
  expect(nodes.get('keys-readable')?.after).toContain('keys-in-use');
  expect(nodes.get('keys-writing')?.after).toContain('same-control-planes');
  expect(nodes.get('rewrite-objects')?.after).toContain('keys-writing');
  expect(nodes.get('keys-final')?.after).toContain('rewrite-objects');
  expect(nodes.get('/pki/kubernetes/encryption-key')?.after).toContain('/pki/kubernetes/encryption-key-of-m3');
});

describe('whether a new key is made', () => {
  const paramsOf = (observed: EncryptionObservation) =>
    nodesOf(rotationOfKey({ observed }).plan(contextOf(text, all(encrypting))), '').get(
      '/pki/kubernetes/encryption-key',
    )?.jobs[0]?.step.params;

  test('only where the one that is there is settled', () => {
    expect(paramsOf(settled)).toMatchObject({ replaces: key });
  });

  const half: readonly (readonly [string, Partial<EncryptionObservation>])[] = [
    [
      'a host still reads with another',
      { hosts: new Map([...settled.hosts, ['m2', { secrets: [uses, 'secretbox key-1', 'clear'] }]]) },
    ],
    ['a host has none', { hosts: new Map([...settled.hosts, ['m3', {}]]) }],
    ['an object is in clear', { stored: { secrets: { [uses]: 11, clear: 1 } } }],
    ['the work directory has a newer one', { newestKey: 'key-20260101000009' }],
  ];
  test.each(half)('not where %s: a change is seen through first', (_name, over) => {
    const observed = { ...settled, ...over };
    expect(settledKey(observed)).toBeUndefined();
    expect(paramsOf(observed)).not.toHaveProperty('replaces');
  });
});

describe('refused', () => {
  const refusal = (plan: () => unknown) => {
    try {
      return plan();
    } catch (error) {
      return error;
    }
  };
  test('a change of keys while a control plane is away, since it would come back without the key', () => {
    const ctx = contextOf(text, { m1: encrypting, m2: encrypting });
    expect(refusal(() => rotationOfKey({ observed: settled }).plan(ctx))).toMatchObject({
      code: 'GUARD_REFUSED',
      message: 'm3 is no control plane yet',
    });
  });
  test('a change of keys while it is not known how etcd holds the objects', () => {
    const observed = { ...settled, stored: null, failures: ['m1: etcd does not tell'] };
    expect(refusal(() => rotationOfKey({ observed }).plan(contextOf(text, all(encrypting))))).toMatchObject({
      code: 'GUARD_REFUSED',
      details: ['m1: etcd does not tell'],
    });
  });
  test('a new key where nothing is encrypted', () => {
    expect(refusal(() => rotationOfKey({ observed: settled }).plan(contextOf(text, all(made))))).toMatchObject({
      message: 'nothing is encrypted in this cluster',
    });
  });
  test('apiservers without the keys that they need, whatever the command', () => {
    const ctx = contextOf(without, all(encrypting));
    for (const plan of [() => createCluster.plan(ctx), () => initDocuments(ctx, 'm1')])
      expect(refusal(plan)).toMatchObject({ code: 'GUARD_REFUSED', hint: expect.stringContaining('secrets decrypt') });
    expect(refusal(() => rotationOfKey({ observed: settled }).plan(ctx))).toMatchObject({ code: 'GUARD_REFUSED' });
  });
});

test('keys of an earlier cluster on a host that is no control plane hinder nothing', () => {
  const leftover = { leftovers: ['/etc/kubernetes/encryption/config.yaml'] };
  expect(() => createCluster.plan(contextOf(without, all(leftover)))).not.toThrow();
});

test('decryption takes the keys away only when everything is in clear and every apiserver does without', () => {
  const ctx = contextOf(without, all(encrypting));
  const nodes = nodesOf(decryption({ observed: settled }).plan(ctx), 'decrypt/keys/decrypt/');
  expect(nodes.get('static-pods-m1')?.after).toContain('retire-keys');
  expect(nodes.get('static-pods-m3')?.after).toContain('static-pods-m2');
  expect(nodes.get('remove-keys')?.after).toContain('upload-config');
  expect(JSON.stringify(nodes.get('static-pods-m1')?.jobs[0]?.step.params)).not.toContain('encryption-provider-config');
});

test('on a running cluster the file is there before the flag, and the key is written with after the last apiserver reads it', () => {
  const nodes = nodesOf(
    createCluster.plan(contextOf(text, all(made))),
    'create-cluster/control-plane/reconcile-control-plane/',
  );
  expect(nodes.get('static-pods-m1')?.after).toContain('place-keys');
  expect(nodes.get('static-pods-m1')?.after).toContain('place-audit-policy');
  expect(nodes.get('keys-in-use')?.after).toContain('upload-config');
  expect(nodes.get('place-keys')?.jobs[0]?.step.params).toMatchObject({ phase: 'readable', placeOnly: true });
  expect(nodes.get('remove-old-audit-files')?.after).toContain('upload-config');
});

test('no key is in any plan', () => {
  const plan = JSON.stringify(createCluster.plan(contextOf(text, all(encrypting))));
  expect(plan).toContain('encryption-keys.json');
  expect(plan).not.toMatch(/"secret":"/);
});
