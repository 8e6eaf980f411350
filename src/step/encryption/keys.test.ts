import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { runStep, temporaryDirectory } from '../local-step.fixture.js';
import { readKeys, writeKeys } from './key-file.js';
import { makeEncryptionKey, readBackKeys, retireKeys } from './keys.js';
import { configText, type EncryptionKey } from './providers.js';

const path = '/etc/kubernetes/encryption/config.yaml';
const keyOf = (number: number): EncryptionKey => ({
  name: `key-2026010100000${number}`,
  type: 'secretbox',
  secret: Buffer.alloc(32, number).toString('base64'),
});
const keyFileIn = async () => join(await temporaryDirectory(), 'encryption-keys.json');
const controlPlane = async (...keys: EncryptionKey[]) =>
  hostTrial({ files: { [path]: await configText(new Map([['secrets', [...keys, { type: 'identity' }]]])) } });

test('a key is made once, for its owner alone', async () => {
  const keyFile = await keyFileIn();
  const step = makeEncryptionKey({ keyFile, type: 'secretbox' });
  const { first, last } = await runStep(step);
  expect([first.state, last.state]).toEqual(['needed', 'satisfied']);
  const [key] = await readKeys(keyFile);
  expect(key).toMatchObject({ name: expect.stringMatching(/^key-\d{14}$/), type: 'secretbox' });
  expect(Buffer.from(key?.secret ?? '', 'base64')).toHaveLength(32);
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  expect((await runStep(step)).first.state).toBe('satisfied');
  await chmod(keyFile, 0o644);
  expect((await runStep(step)).last.state).toBe('satisfied');
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
});

test('a key is followed by another when it is to be replaced, or is of another kind; the order of names is that of making', async () => {
  const keyFile = await keyFileIn();
  // From a machine whose clock was ahead.
  const ahead = { ...keyOf(1), name: 'key-99990101000000' };
  await writeKeys(keyFile, [ahead]);
  const replace = makeEncryptionKey({ keyFile, type: 'secretbox', replaces: ahead.name });
  await runStep(replace);
  // A run that was killed after this finds the new key.
  expect((await runStep(replace)).first.state).toBe('satisfied');
  expect((await readKeys(keyFile)).map(({ name }) => name)).toEqual(['key-99990101000001', ahead.name]);
  await runStep(makeEncryptionKey({ keyFile, type: 'aescbc' }));
  expect((await readKeys(keyFile)).map(({ type }) => type)).toEqual(['aescbc', 'secretbox', 'secretbox']);
});

test('keys that a lost work directory lacks are read back from the control plane', async () => {
  const keyFile = await keyFileIn();
  const trial = await controlPlane(keyOf(2), keyOf(1));
  const { first, again } = await trial.play(readBackKeys({ keyFile }));
  expect([first, again?.state]).toEqual([
    expect.objectContaining({ because: 'key-20260101000002, key-20260101000001 is not on this machine' }),
    'satisfied',
  ]);
  expect(await readKeys(keyFile)).toEqual([keyOf(2), keyOf(1)]);
  expect(trial.logs.join()).not.toContain(keyOf(1).secret);
});

test('a key of another work directory that rotated is taken over; the newest stays first', async () => {
  const keyFile = await keyFileIn();
  await writeKeys(keyFile, [keyOf(1)]);
  await (await controlPlane(keyOf(2), keyOf(1))).play(readBackKeys({ keyFile }));
  expect((await readKeys(keyFile)).map(({ name }) => name)).toEqual([keyOf(2).name, keyOf(1).name]);
});

test.each([
  ['other keys altogether', keyOf(3)],
  ['another key of the same name', { ...keyOf(1), secret: keyOf(3).secret }],
])('%s are refused, and neither is shown', async (_name, there) => {
  const keyFile = await keyFileIn();
  await writeKeys(keyFile, [keyOf(1)]);
  const failure = await (await controlPlane(there))
    .precheck(readBackKeys({ keyFile }))
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'GUARD_REFUSED', hint: expect.stringContaining('read back') });
  expect(inspect(failure)).not.toMatch(new RegExp(`${keyOf(1).secret}|${there.secret}`.replaceAll('+', '\\+')));
  expect(await readKeys(keyFile)).toEqual([keyOf(1)]);
});

test('a key that nothing needs is marked, and stays for old snapshots', async () => {
  const keyFile = await keyFileIn();
  await writeKeys(keyFile, [keyOf(2), keyOf(1)]);
  expect((await runStep(retireKeys({ keyFile }))).last.state).toBe('satisfied');
  expect(await readKeys(keyFile)).toEqual([keyOf(2), { ...keyOf(1), retired: true }]);
});

test('a file that cannot be read is no empty one, and is not shown', async () => {
  const keyFile = await keyFileIn();
  await writeKeys(keyFile, [keyOf(1)]);
  const text = await readFile(keyFile, 'utf8');
  await writeFile(keyFile, text.slice(0, -20));
  const failure = await readKeys(keyFile).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'PKI_BROKEN' });
  expect(inspect(failure)).not.toContain(keyOf(1).secret);
});
