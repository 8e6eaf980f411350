import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  configText,
  type EncryptionKey,
  forNewcomer,
  inPhase,
  keysOf,
  type Phase,
  type Provider,
  type Providers,
  parseConfig,
  providerText,
  same,
  type Target,
} from './providers.js';

const keyOf = (number: number, type: EncryptionKey['type'] = 'secretbox'): EncryptionKey => ({
  name: `key-2026010100000${number}`,
  type,
  secret: Buffer.alloc(32, number).toString('base64'),
});
const [k1, k2] = [keyOf(1), keyOf(2, 'aescbc')];
const clear: Provider = { type: 'identity' };
const phases: readonly Phase[] = ['readable', 'writing', 'final'];
const only = (list: readonly Provider[], resource = 'secrets'): Providers => new Map([[resource, list]]);
const shown = (providers: Providers) =>
  Object.fromEntries([...providers].map(([resource, list]) => [resource, list.map(providerText)]));
const through = (start: Providers, target: Target) =>
  phases.reduce<Providers[]>((all, phase) => [...all, inPhase(all.at(-1) ?? start, target, phase)], []).map(shown);

describe('passes', () => {
  test('encryption is turned on', () => {
    expect(through(new Map(), { key: k1, resources: ['secrets'] })).toEqual([
      { secrets: ['clear', 'secretbox key-20260101000001'] },
      { secrets: ['secretbox key-20260101000001', 'clear'] },
      { secrets: ['secretbox key-20260101000001', 'clear'] },
    ]);
  });

  test('a key is rotated', () => {
    expect(through(only([k1, clear]), { key: k2, resources: ['secrets'] })).toEqual([
      { secrets: ['secretbox key-20260101000001', 'clear', 'aescbc key-20260101000002'] },
      { secrets: ['aescbc key-20260101000002', 'secretbox key-20260101000001', 'clear'] },
      { secrets: ['aescbc key-20260101000002', 'clear'] },
    ]);
  });

  test('a key that objects still need is readable again until nothing needs it', () => {
    expect(through(only([k2, clear]), { key: k2, resources: ['secrets'], older: [k1] })).toEqual([
      { secrets: ['aescbc key-20260101000002', 'clear', 'secretbox key-20260101000001'] },
      { secrets: ['aescbc key-20260101000002', 'secretbox key-20260101000001', 'clear'] },
      { secrets: ['aescbc key-20260101000002', 'clear'] },
    ]);
  });

  test('a resource is added, another decrypted', () => {
    expect(through(only([k1, clear]), { key: k1, resources: ['configmaps'] })).toEqual([
      {
        configmaps: ['clear', 'secretbox key-20260101000001'],
        secrets: ['secretbox key-20260101000001', 'clear'],
      },
      { configmaps: ['secretbox key-20260101000001', 'clear'], secrets: ['clear', 'secretbox key-20260101000001'] },
      { configmaps: ['secretbox key-20260101000001', 'clear'] },
    ]);
  });

  test('everything is decrypted: a file without resources would be none', () => {
    expect(through(only([k1, clear]), { key: k1, resources: [] }).at(-1)).toEqual({ secrets: ['clear'] });
  });

  const starts: readonly (readonly [string, Providers, Target])[] = [
    ['on', new Map(), { key: k1, resources: ['secrets'] }],
    ['rotation', only([k1, clear]), { key: k2, resources: ['secrets'] }],
    ['rotation in the middle of another', only([k1, clear, keyOf(3)]), { key: k2, resources: ['secrets'] }],
    ['off', only([k1, clear]), { key: k1, resources: [] }],
    ['another resource', only([k1, clear]), { key: k2, resources: ['secrets', 'configmaps'] }],
  ];

  test.each(starts)('%s: while hosts are a pass apart, each reads what any other writes', (_name, start, target) => {
    let before = start;
    for (const phase of phases) {
      const after = inPhase(before, target, phase);
      for (const [writing, reading] of [
        [before, after],
        [after, before],
      ] as const) {
        for (const resource of new Set([...before.keys(), ...after.keys()])) {
          const [writer = clear] = writing.get(resource) ?? [clear];
          const readers = reading.get(resource) ?? [clear];
          expect(
            readers.some((reader) => same(reader, writer)),
            `${resource} in ${phase}: ${providerText(writer)} is written`,
          ).toBe(true);
        }
      }
      before = after;
    }
  });

  test.each(starts)('%s: a pass that was made is not made again', (_name, start, target) => {
    let providers = start;
    for (const phase of phases) {
      providers = inPhase(providers, target, phase);
      expect(shown(inPhase(providers, target, phase))).toEqual(shown(providers));
    }
  });
});

test('a new control plane reads with every key that may be in use', () => {
  expect(shown(forNewcomer({ key: k2, resources: ['secrets'], older: [k1] }))).toEqual({
    secrets: ['aescbc key-20260101000002', 'secretbox key-20260101000001', 'clear'],
  });
});

test('what is written is read back the same', async () => {
  const providers = new Map<string, readonly Provider[]>([
    ['configmaps', [k2, k1, clear]],
    ['secrets', [clear, k1]],
  ]);
  const text = await configText(providers);
  expect([...(await parseConfig(text, 'm1: file'))]).toEqual([...providers]);
  expect(keysOf(providers)).toEqual([k2, k1]);
});

test.each([
  [
    'a KMS plugin',
    'resources: [{ resources: [secrets], providers: [{ kms: { name: a } }] }]',
    /names a provider "kms"/,
  ],
  ['nothing', '', /names no resource/],
  ['no YAML', '{ secret: hunter2', /is no EncryptionConfiguration/],
  ['a list of nothing', 'resources: [null] # hunter2', /is no EncryptionConfiguration/],
  [
    'a key that somebody named',
    'resources: [{ resources: [secrets], providers: [{ aescbc: { keys: [{ name: key1, secret: hunter2 }] } }] }]',
    /names a key "key1"/,
  ],
  ['every resource', 'resources: [{ resources: ["*.*"], providers: [{ identity: {} }] }]', /names "\*\.\*"/],
  [
    'a resource that has two lists',
    'resources: [{ resources: [secrets, secrets], providers: [{ identity: {} }] }]',
    /names "secrets" twice/,
  ],
])('%s is another hand, and its text is not shown', async (_name, text, message) => {
  const failure = await parseConfig(text, 'm1: file').catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'GUARD_REFUSED', message: expect.stringMatching(message) });
  expect(inspect(failure)).not.toContain('hunter2');
});
