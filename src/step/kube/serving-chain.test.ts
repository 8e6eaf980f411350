import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { issueCa, newEcKey } from '../pki/issue.js';
import { addServingChain } from './serving-chain.js';

const path = '/etc/kubernetes/pki/apiserver.crt';
let directory = '';
const certificate = async (commonName: string) =>
  issueCa({ key: await newEcKey(), subject: { commonName }, validDays: 30 });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubexm-chain-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('addServingChain', () => {
  test('where no CA was rotated there is nothing to do, and the host is not asked', async () => {
    const { host, precheck } = hostTrial({ files: {} });
    expect((await precheck(addServingChain({ cross: join(directory, 'none.crt') }))).state).toBe('satisfied');
    expect(host.operations).toEqual([]);
  });

  test('what the apiserver shows comes first, and the way from the CA before behind it, once', async () => {
    const [own, cross] = [await certificate('kube-apiserver'), await certificate('kubernetes')];
    await writeFile(join(directory, 'cross.crt'), cross);
    const trial = hostTrial({ files: { [path]: own } });
    const { first, again } = await trial.play(addServingChain({ cross: join(directory, 'cross.crt') }));
    expect([first?.state, again?.state]).toEqual(['needed', 'satisfied']);
    expect(trial.host.files.get(path)?.content.toString()).toBe(`${own.trim()}\n${cross.trim()}\n`);
  });
});
