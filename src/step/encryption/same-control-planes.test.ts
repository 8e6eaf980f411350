import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { writeKeys } from './key-file.js';
import { configText, type Provider } from './providers.js';
import { sameControlPlanes } from './same-control-planes.js';

const key = { name: 'key-20260101000002', type: 'secretbox', secret: Buffer.alloc(32, 2).toString('base64') } as const;
const clear: Provider = { type: 'identity' };

async function trialOf({ first, nodes }: { readonly first: Provider; readonly nodes: readonly string[] }) {
  const keyFile = join(await temporaryDirectory(), 'encryption-keys.json');
  await writeKeys(keyFile, [key]);
  const trial = hostTrial({
    files: { '/etc/kubernetes/encryption/config.yaml': await configText(new Map([['secrets', [first, key, clear]]])) },
    commands: [[/get nodes/, `${nodes.map((node) => `node/${node}`).join('\n')}\n`]],
  });
  return { trial, step: sameControlPlanes({ nodes: ['m1', 'm2'], keyFile, resources: ['secrets'] }) };
}

test('a control plane that the config does not have stops a change of keys', async () => {
  const { trial, step } = await trialOf({ first: clear, nodes: ['m1', 'm2', 'old'] });
  await expect(trial.precheck(step)).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    message: expect.stringMatching(/^old: /),
  });
});

test('one that is still to join stops nothing', async () => {
  const { trial, step } = await trialOf({ first: clear, nodes: ['m1'] });
  expect((await trial.precheck(step)).state).toBe('satisfied');
});

test('where nothing is to be changed nobody is asked', async () => {
  const { trial, step } = await trialOf({ first: key, nodes: ['m1', 'm2', 'old'] });
  expect(await trial.precheck(step)).toEqual({
    state: 'satisfied',
    because: 'the control planes write with it already',
  });
});
