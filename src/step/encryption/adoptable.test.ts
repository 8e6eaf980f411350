import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Json } from '../../plan/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { type AdoptableKeys, readAdoptableKeys } from './adoptable.js';
import { writeKeys } from './key-file.js';
import { configText, type EncryptionKey, type Provider } from './providers.js';

const path = '/etc/kubernetes/encryption/config.yaml';
const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const keyOf = (number: number): EncryptionKey => ({
  name: `key-2026010100000${number}`,
  type: 'secretbox',
  secret: Buffer.alloc(32, number).toString('base64'),
});
const clear: Provider = { type: 'identity' };
const fileOf = (...keys: EncryptionKey[]) => configText(new Map([['secrets', [...keys, clear]]]));
const reading = (file: string) => `- --encryption-provider-config=${file}\n`;

/** What is reported of a host with these files, beside a work directory with these keys, or with a broken file of them. */
async function reported(files: Readonly<Record<string, string>>, own: readonly EncryptionKey[] | 'broken' = []) {
  const keyFile = join(await temporaryDirectory(), 'encryption-keys.json');
  if (own === 'broken') await writeFile(keyFile, '{');
  else if (own.length > 0) await writeKeys(keyFile, own);
  const { ctx, host } = hostTrial({ files });
  const reports: (Json | undefined)[] = [];
  const log = (_level: string, _message: string, data?: Json) => void reports.push(data);
  await readAdoptableKeys({ report: 'r', keyFile }).precheck({ ...ctx, log });
  expect(host.operations.filter((operation) => /^(write|upload|remove)/.test(operation))).toEqual([]);
  expect(JSON.stringify(reports)).not.toContain(keyOf(1).secret);
  return reports[0] as unknown as AdoptableKeys;
}

test('names and digests of keys are told, and which of them this machine has not', async () => {
  const files = { [manifest]: reading(path), [path]: await fileOf(keyOf(2), keyOf(1)) };
  const found = await reported(files, [keyOf(1)]);
  expect(found).toEqual({
    reads: path,
    providers: { secrets: [`secretbox ${keyOf(2).name}`, `secretbox ${keyOf(1).name}`, 'clear'] },
    keys: {
      [keyOf(2).name]: expect.stringMatching(/^[0-9a-f]{64}$/),
      [keyOf(1).name]: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
    missing: [keyOf(2).name],
  });
  // Another secret of the same name is another key.
  const other = await reported({ ...files, [path]: await fileOf({ ...keyOf(1), secret: keyOf(3).secret }) });
  expect(other.keys[keyOf(1).name]).not.toBe(found.keys[keyOf(1).name]);
});

test('a control plane without keys, or that is none, has nothing to tell', async () => {
  const nothing = { providers: {}, keys: {}, missing: [] };
  expect(await reported({})).toEqual(nothing);
  expect(await reported({ [manifest]: 'spec: {}\n' }, [keyOf(1)])).toEqual(nothing);
  expect(await reported({ [manifest]: reading(path) })).toEqual({ reads: path, ...nothing });
});

test('a file of another’s making is named by its path, and not read', async () => {
  const theirs = '/etc/kubernetes/enc/enc.yaml';
  const there = await reported({ [manifest]: reading(theirs), [theirs]: 'kms' });
  expect(there).toMatchObject({ reads: theirs, digest: expect.any(String), keys: {} });
  expect(await reported({ [manifest]: reading(theirs) })).not.toHaveProperty('digest');
});

const kms = 'resources: [{ resources: [secrets], providers: [{ kms: { apiVersion: v2, name: vault } }] }]';
test.each<[string, string, readonly EncryptionKey[] | 'broken', RegExp]>([
  ['a KMS plugin', kms, [], /config\.yaml names a provider "kms"/],
  ['no YAML', '{ secret: hunter2', [], /config\.yaml is no EncryptionConfiguration/],
  ['keys of another cluster than the work directory’s', await fileOf(keyOf(1)), [keyOf(3)], /not those of this work/],
  ['a work directory with a broken file', await fileOf(keyOf(1)), 'broken', /encryption-keys\.json holds no keys/],
])('%s: why it cannot be taken is told, with a hint', async (_name, text, own, message) => {
  const { refusal, keys } = await reported({ [manifest]: reading(path), [path]: text }, own);
  expect(keys).toEqual({});
  expect(refusal).toMatchObject({ message: expect.stringMatching(message), hint: expect.stringMatching(/\w/) });
  expect(JSON.stringify(refusal)).not.toMatch(/hunter2/);
});

test('a file that cannot be read is an error, and not none', async () => {
  const { precheck } = hostTrial({ files: { [manifest]: reading(path), [path]: { type: 'directory' } } });
  await expect(precheck(readAdoptableKeys({ report: 'r', keyFile: '/srv/none.json' }))).rejects.toThrow();
});
