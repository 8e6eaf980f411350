import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { readKeys, writeKeys } from './key-file.js';
import { keysInUse } from './keys-in-use.js';

const keyOf = (number: number) =>
  ({
    name: `key-2026010100000${number}`,
    type: 'secretbox',
    secret: Buffer.alloc(32, number).toString('base64'),
  }) as const;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const etcd = {
  endpoints: ['https://10.0.0.11:2379'],
  caFile: '/ca',
  certFile: '/cert',
  keyFile: '/key',
  prefix: '/registry',
};

async function trialWith(writtenWith: number) {
  const keyFile = join(await temporaryDirectory(), 'encryption-keys.json');
  await writeKeys(keyFile, [keyOf(2), { ...keyOf(1), retired: true }]);
  const line = `@encrypted ${base64('/registry/secrets/a/one')} ${base64(`k8s:enc:secretbox:v1:${keyOf(writtenWith).name}:...`)}`;
  const trial = hostTrial({ commands: [[/v3\/kv\/range/, `@header\n${line}\n`]] });
  return { keyFile, trial, step: keysInUse({ keyFile, resources: ['secrets'], etcd }) };
}

test('the newest key is in use, and no other', async () => {
  const { trial, step } = await trialWith(2);
  expect((await trial.precheck(step)).state).toBe('satisfied');
});

test('a key that was put aside is taken up again where a snapshot of its time came back', async () => {
  const { keyFile, trial, step } = await trialWith(1);
  const { first, again } = await trial.play(step);
  expect([first.because, again?.state]).toEqual([`${keyOf(1).name} is needed again`, 'satisfied']);
  expect((await readKeys(keyFile)).map(({ retired }) => retired)).toEqual([undefined, false]);
});

test('a key that nobody has is named, with an object that needs it', async () => {
  const { trial, step } = await trialWith(3);
  await expect(trial.precheck(step)).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    details: [`${keyOf(3).name}: secrets a/one`],
  });
});
