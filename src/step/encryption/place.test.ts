import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { writeKeys } from './key-file.js';
import { type PlaceEncryptionConfig, placeEncryptionConfig } from './place.js';
import { configText, type EncryptionKey, type Provider } from './providers.js';

const path = '/etc/kubernetes/encryption/config.yaml';
const manifestPath = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const clear: Provider = { type: 'identity' };
const keyOf = (number: number): EncryptionKey => ({
  name: `key-2026010100000${number}`,
  type: 'secretbox',
  secret: Buffer.alloc(32, number).toString('base64'),
});
const [k1, k2] = [keyOf(1), keyOf(2)];
const textOf = (...list: Provider[]) => configText(new Map([['secrets', list]]));
const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');

let keyFile = '';
beforeEach(async () => {
  keyFile = join(await temporaryDirectory(), 'encryption-keys.json');
  await writeKeys(keyFile, [k2, k1]);
});

const step = (over: Partial<PlaceEncryptionConfig> = {}) =>
  placeEncryptionConfig({
    keyFile,
    resources: ['secrets'],
    phase: 'readable',
    apiserver: 'https://10.0.0.11:6443',
    ...over,
  });

/** A control plane whose apiserver loads the file at the second look, as the real one does within a minute. */
function controlPlane({ file, reads = true }: { readonly file?: string; readonly reads?: boolean }) {
  let [loaded, looks] = [file, 0];
  const metrics: FakeAnswer = (_command, host) => {
    looks += 1;
    const text = host.files.get(path)?.content ?? '';
    if (looks > 1) loaded = text;
    return `1000\n900\napiserver_encryption_config_controller_last_config_info{apiserver_id_hash="x",hash="sha256:${sha256Of(loaded ?? '')}"} 1\n`;
  };
  return hostTrial({
    files: {
      ...(file === undefined ? {} : { [path]: { content: file, mode: 0o600 } }),
      [manifestPath]: reads ? `- --encryption-provider-config=${path}` : '- --v=1',
    },
    commands: [
      [/^mkdir -p -m 0700/, ''],
      [/--raw=\/metrics/, metrics],
    ],
  });
}

describe('a pass', () => {
  test('writes the file for its owner alone and ends when the apiserver has loaded it', async () => {
    const trial = controlPlane({ file: await textOf(k1, clear) });
    const { first, again } = await trial.play(step());
    expect([first, again?.state]).toEqual([
      expect.objectContaining({ because: 'now secrets: secretbox key-20260101000001, clear' }),
      'satisfied',
    ]);
    expect(trial.host.files.get(path)).toMatchObject({ content: await textOf(k1, clear, k2), mode: 0o600 });
  });

  test('that another run made is waited for, where the apiserver has not loaded it yet', async () => {
    const trial = controlPlane({ file: await textOf(k1, clear, k2) });
    trial.host.files.put(path, { content: await textOf(k2, k1, clear), mode: 0o600 });
    expect(await trial.precheck(step({ phase: 'writing' }))).toMatchObject({
      because: 'kube-apiserver has not loaded the file yet',
    });
  });

  test('only places the file, where the static pods are looked at next', async () => {
    const trial = controlPlane({ reads: false });
    const { first, again } = await trial.play(step({ placeOnly: true }));
    expect([first, again?.state]).toEqual([expect.objectContaining({ because: 'there is none yet' }), 'satisfied']);
    expect(trial.host.files.get(path)).toMatchObject({ content: await textOf(clear, k2, k1) });
  });

  test.each(['readable', 'writing', 'final'] as const)(
    '%s is refused where the apiserver reads no file',
    async (phase) => {
      const trial = controlPlane({ file: await textOf(clear, k2), reads: false });
      await expect(trial.play(step({ phase, resources: ['secrets', 'configmaps'] }))).rejects.toMatchObject({
        code: 'GUARD_REFUSED',
        hint: expect.stringContaining('kubexm cluster create'),
      });
    },
  );
});

test('a file that others can read is closed', async () => {
  const text = await textOf(k2, clear);
  const trial = controlPlane({ file: text });
  trial.host.files.put(path, { content: text, mode: 0o644 });
  const { first, again } = await trial.play(step({ phase: 'final' }));
  expect([first, again?.state]).toEqual([expect.objectContaining({ because: 'it is open to others' }), 'satisfied']);
});

test('what is encrypted is not written in clear because the config says nothing of it', async () => {
  const trial = controlPlane({ file: await textOf(k2, clear) });
  await expect(trial.precheck(step({ resources: ['configmaps'] }))).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    hint: expect.stringContaining('kubexm secrets decrypt'),
  });
  expect((await trial.precheck(step({ resources: ['configmaps'], decrypting: true }))).state).toBe('needed');
});

test('of a decryption that was interrupted, apiservers without keys and hosts without the file need nothing more', async () => {
  const decrypted = { resources: [], decrypting: true };
  const trial = controlPlane({ file: await textOf(clear), reads: false });
  for (const phase of ['readable', 'writing', 'final'] as const)
    expect(await trial.precheck(step({ phase, ...decrypted }))).toEqual({
      state: 'satisfied',
      because: 'kube-apiserver needs no keys',
    });
  expect((await controlPlane({ reads: false }).precheck(step(decrypted))).state).toBe('satisfied');
});

test('a new control plane gets the key to write with and all that are in use', async () => {
  await writeKeys(keyFile, [k2, k1, { ...keyOf(0), retired: true }]);
  const trial = hostTrial({ commands: [[/^mkdir -p -m 0700/, '']] });
  await trial.play(step({ phase: 'new' }));
  expect(trial.host.files.get(path)).toMatchObject({ content: await textOf(k2, k1, clear), mode: 0o600 });
});
