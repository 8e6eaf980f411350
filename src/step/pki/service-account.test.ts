import { createPublicKey, sign, verify } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { runStep, temporaryDirectory } from '../local-step.fixture.js';
import { dropOldKeys, generateKeyPair } from './key-pair.js';
import { chainFile, promoteCa } from './next-ca.js';
import { guardOldTokens, knowsServiceAccountKey } from './service-account.js';

async function setting() {
  const dir = await temporaryDirectory();
  const at = (name: string) => join(dir, name);
  const current = { privateKey: at('sa.key'), publicKey: at('sa.pub') };
  const next = { privateKey: at('sa-next.key'), publicKey: at('sa-next.pub'), rotating: true };
  await runStep(generateKeyPair(current));
  return { at, current, next };
}

test('a new key takes the place of the old one, whose tokens stay good until it is dropped', async () => {
  const { at, current, next } = await setting();
  const token = Buffer.from('token');
  const old = sign('sha256', token, await readFile(current.privateKey));
  await runStep(generateKeyPair(next));
  await expect(runStep(generateKeyPair(current))).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  await runStep(chainFile({ path: at('sa-next-both.pub'), parts: [next.publicKey, current.publicKey] }));
  await runStep(
    promoteCa({
      current: { cert: current.publicKey, key: current.privateKey },
      next: { cert: at('sa-next-both.pub'), key: next.privateKey },
      previous: { cert: at('sa-previous.pub'), key: at('sa-previous.key') },
      also: [next.publicKey],
    }),
  );
  const takes = async (signature: Buffer) => {
    const pems = (await readFile(current.publicKey, 'utf8')).match(/-+BEGIN[^]*?END PUBLIC KEY-+/g) ?? [];
    return pems.some((pem) => verify('sha256', token, createPublicKey(pem), signature));
  };
  const made = sign('sha256', token, await readFile(current.privateKey));
  expect((await runStep(generateKeyPair(current))).first.state).toBe('satisfied');
  expect([await takes(old), await takes(made)]).toEqual([true, true]);
  expect((await runStep(dropOldKeys(current))).last.state).toBe('satisfied');
  expect([await takes(old), await takes(made)]).toEqual([false, true]);
});

test('control planes that take tokens of other keys are refused', async () => {
  const { current } = await setting();
  const path = '/etc/kubernetes/pki/sa.pub';
  const step = knowsServiceAccountKey({ path, publicKey: current.publicKey });
  const there = (content: string) => hostTrial({ files: { [path]: content } }).precheck(step);
  expect((await there(`${await readFile(current.publicKey, 'utf8')}another`)).state).toBe('satisfied');
  await expect(there('another')).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  await writeFile(current.publicKey, 'lost');
  await expect(there('another')).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
});

test('while pods may have old tokens, they are not dropped; tokens that nobody renews are told of', async () => {
  const step = guardOldTokens({ path: '/etc/kubernetes/pki/sa.key', minSeconds: 7200 });
  const trial = (age: number) =>
    hostTrial({
      commands: [
        [/^echo \$\(\(/, `${age}\n`],
        [/get secrets -A/, 'secret/legacy\n'],
      ],
    });
  await expect(trial(600).precheck(step)).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    hint: 'run the same command again in 110 minutes',
  });
  const old = trial(7200);
  expect((await old.precheck(step)).state).toBe('satisfied');
  expect(old.logs).toEqual([expect.stringContaining('secret/legacy')]);
});
