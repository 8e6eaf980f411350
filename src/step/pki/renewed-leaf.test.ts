import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { fileDigest } from './digest.js';
import { installKeyPair } from './install-pair.js';
import { issueCa, issueSigned, newEcKey } from './issue.js';

const path = '/etc/etcd/pki/server.pem';
const keyPath = '/etc/etcd/pki/server-key.pem';

async function newCa() {
  const key = await newEcKey();
  const pem = await issueCa({ key, subject: { commonName: 'etcd-ca' }, validDays: 3650 });
  return {
    pem,
    key: createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' })),
    certificate: new X509Certificate(pem),
  };
}

type Ca = Awaited<ReturnType<typeof newCa>>;

async function leaf(ca: Ca, days: number, ip = '10.0.0.11'): Promise<string> {
  return issueSigned({
    key: await newEcKey(),
    ca,
    subject: { commonName: 'm1' },
    usages: ['server', 'client'],
    sans: { dns: ['m1'], ips: [ip] },
    validDays: days,
  });
}

/** What a step says that is to bring a certificate of 100 days to a host that has `found`. */
async function saidOf(ca: Ca, found: string, unless = true): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'kubexm-renewed-'));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const source = { cert: join(base, 'server.pem'), key: join(base, 'server-key.pem') };
  await writeFile(source.cert, await leaf(ca, 100));
  await writeFile(join(base, 'ca.pem'), ca.pem);
  const outputs = { [fileDigest(source.cert).$output]: 'aa', [fileDigest(source.key).$output]: 'bb' };
  const trial = hostTrial({ files: { [path]: found, [keyPath]: 'key' }, outputs });
  const unlessRenewedBy = unless ? { unlessRenewedBy: join(base, 'ca.pem') } : {};
  const step = installKeyPair({ source, target: { cert: path, key: keyPath }, keep: false, ...unlessRenewedBy });
  return (await trial.precheck(step)).state;
}

test('what a host has renewed by itself stays, and nothing else does', async () => {
  const [ca, other] = [await newCa(), await newCa()];
  expect(await saidOf(ca, await leaf(ca, 300))).toBe('satisfied');
  expect(await saidOf(ca, await leaf(ca, 300), false)).toBe('needed');
  expect(await saidOf(ca, await leaf(ca, 50))).toBe('needed');
  expect(await saidOf(ca, await leaf(other, 300))).toBe('needed');
  expect(await saidOf(ca, await leaf(ca, 300, '10.0.0.12'))).toBe('needed');
  expect(await saidOf(ca, 'half a certificate')).toBe('needed');
});
