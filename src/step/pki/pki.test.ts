import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmod, copyFile, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { localContext, runStep, temporaryDirectory } from '../local-step.fixture.js';
import {
  fileDigest,
  type GenerateSignedCert,
  generateCACert,
  generateKeyPair,
  generateKubeconfig,
  generateSignedCert,
  generateToken,
} from './index.js';

const run = promisify(execFile);
const openssl = async (...args: string[]) => (await run('openssl', args)).stdout;

async function authority({ dir, name = 'ca' }: { dir: string; name?: string }) {
  const files = { cert: join(dir, 'certs', `${name}.crt`), key: join(dir, 'certs', `${name}.key`) };
  const step = generateCACert({ files, subject: { commonName: `kubexm-${name}` } });
  return { files, step, result: await runStep(step) };
}

async function leafParams(changes: Partial<GenerateSignedCert> = {}): Promise<GenerateSignedCert> {
  const dir = await temporaryDirectory();
  const { files: ca } = await authority({ dir });
  return {
    files: { cert: join(dir, 'certs', 'server.crt'), key: join(dir, 'certs', 'server.key') },
    ca,
    subject: { commonName: 'm1', organizations: ['system:masters', 'a, b=c'] },
    usages: ['server', 'client'],
    sans: { dns: ['m1', 'localhost'], ips: ['10.99.0.11', '127.0.0.1', 'fd00:0:0::1'] },
    ...changes,
  };
}

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe('CA', () => {
  test('is a CA that openssl accepts, ten years, ECDSA P-256', async () => {
    const dir = await temporaryDirectory();
    const { files, result } = await authority({ dir });
    expect(result).toMatchObject({
      first: { state: 'needed', because: 'there is none yet' },
      last: { state: 'satisfied' },
    });
    const text = await openssl('x509', '-in', files.cert, '-noout', '-text');
    expect(text).toContain('Subject: CN = kubexm-ca');
    expect(text).toContain('ASN1 OID: prime256v1');
    expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE/);
    expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(text).toContain('Subject Key Identifier');
    expect(await openssl('verify', '-CAfile', files.cert, files.cert)).toContain('OK');
    expect(await openssl('pkey', '-in', files.key, '-check', '-noout')).toContain('valid');
    const years = (Date.parse(new X509Certificate(await readFile(files.cert)).validTo) - Date.now()) / 86_400_000 / 365;
    expect(years).toBeCloseTo(10, 1);
  });

  test('keeps its key to itself and leaves no temporary file', async () => {
    const dir = await temporaryDirectory();
    const { files } = await authority({ dir });
    expect(await modeOf(files.key)).toBe('600');
    expect(await modeOf(files.cert)).toBe('644');
    expect(await modeOf(join(dir, 'certs'))).toBe('700');
    expect((await readdir(join(dir, 'certs'))).sort()).toEqual(['ca.crt', 'ca.key']);
  });

  test('that is there is never made again, and its digests are known', async () => {
    const dir = await temporaryDirectory();
    const { files, step } = await authority({ dir });
    const before = await readFile(files.cert);
    const { first, ctx } = await runStep(step);
    expect(first.state).toBe('satisfied');
    expect(await readFile(files.cert)).toEqual(before);
    expect(ctx.outputs.get(fileDigest(files.cert).$output)).toBe(createHash('sha256').update(before).digest('hex'));
    expect(ctx.outputs.has(fileDigest(files.key).$output)).toBe(true);
  });

  test('whose certificate is lost gets one with the same key: what was signed stays good', async () => {
    const params = await leafParams();
    await runStep(generateSignedCert(params));
    await unlink(params.ca.cert);
    const { first } = await runStep(generateCACert({ files: params.ca, subject: { commonName: 'kubexm-ca' } }));
    expect(first).toMatchObject({ state: 'needed', because: 'its key is there, its certificate is not' });
    expect(await openssl('verify', '-CAfile', params.ca.cert, params.files.cert)).toContain('OK');
    expect((await runStep(generateSignedCert(params))).first.state).toBe('satisfied');
  });

  test.each([
    ['no key', async ({ key }: { key: string }) => unlink(key), 'its key'],
    [
      'the key of another',
      async ({ key, other }: { key: string; other: string }) => copyFile(other, key),
      'is not the key of',
    ],
    ['rubbish for a certificate', async ({ cert }: { cert: string }) => writeFile(cert, 'x'), 'holds no certificate'],
  ])('with %s is an error and never replaced', async (_, breakIt, message) => {
    const dir = await temporaryDirectory();
    const { files, step } = await authority({ dir });
    const other = await authority({ dir, name: 'other' });
    await breakIt({ ...files, other: other.files.key });
    const before = await readFile(files.cert);
    const ctx = localContext();
    const failure = { code: 'PKI_BROKEN', message: expect.stringContaining(message) };
    await expect(step.precheck(ctx)).rejects.toMatchObject(failure);
    await expect(step.run(ctx, undefined)).rejects.toMatchObject(failure);
    expect(await readFile(files.cert)).toEqual(before);
  });

  test('that is a plain certificate is refused', async () => {
    const params = await leafParams();
    await runStep(generateSignedCert(params));
    const step = generateCACert({ files: params.files, subject: { commonName: 'x' } });
    await expect(step.precheck(localContext())).rejects.toMatchObject({
      message: expect.stringContaining('certificate of no CA'),
    });
  });

  test('near its end warns and stays; at its end it is an error', async () => {
    const dir = await temporaryDirectory();
    const files = { cert: join(dir, 'ca.crt'), key: join(dir, 'ca.key') };
    const step = generateCACert({ files, subject: { commonName: 'short' }, validDays: 20 });
    const { last, ctx } = await runStep(step);
    expect(last.because).toContain('ends in 19 days');
    expect(ctx.logs.join()).toContain('rotate-ca');
    vi.useFakeTimers({ now: Date.now() + 21 * 86_400_000, toFake: ['Date'] });
    try {
      await expect(step.precheck(localContext())).rejects.toMatchObject({
        code: 'PKI_BROKEN',
        message: expect.stringContaining('ended on'),
      });
    } finally {
      vi.useRealTimers();
    }
  });

  test.each(['rsa', 'secp384r1'] as const)('of the user (%s) signs', async (type) => {
    const params = await leafParams();
    const { privateKey } =
      type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: type });
    const pem =
      type === 'rsa'
        ? privateKey.export({ type: 'pkcs1', format: 'pem' })
        : privateKey.export({ type: 'sec1', format: 'pem' });
    await writeFile(params.ca.key, pem, { mode: 0o600 });
    await openssl(
      'req',
      '-x509',
      '-new',
      '-key',
      params.ca.key,
      '-subj',
      '/O=Example/CN=Own CA',
      '-days',
      '3000',
      '-out',
      params.ca.cert,
    );
    const { last } = await runStep(generateSignedCert(params));
    expect(last.state).toBe('satisfied');
    expect(await openssl('verify', '-CAfile', params.ca.cert, params.files.cert)).toContain('OK');
  });
});

describe('signed certificate', () => {
  test('is one that openssl verifies for server and client, with all its names', async () => {
    const params = await leafParams();
    const { first, last } = await runStep(generateSignedCert(params));
    expect(first.state).toBe('needed');
    expect(last).toEqual({ state: 'satisfied', because: 'it is as it should be' });
    for (const purpose of ['sslserver', 'sslclient']) {
      expect(
        await openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', params.ca.cert, params.files.cert),
      ).toContain('OK');
    }
    const text = await openssl('x509', '-in', params.files.cert, '-noout', '-text');
    expect(text).toContain('Subject: O = system:masters, O = "a, b=c", CN = m1');
    expect(text).toContain(
      'DNS:m1, DNS:localhost, IP Address:10.99.0.11, IP Address:127.0.0.1, IP Address:FD00:0:0:0:0:0:0:1',
    );
    expect(text).toMatch(/Extended Key Usage:\s+TLS Web Server Authentication, TLS Web Client Authentication/);
    expect(text).toContain('CA:FALSE');
    expect(text).toContain('Authority Key Identifier');
    expect(await openssl('verify', '-CAfile', params.ca.cert, '-verify_ip', 'fd00::1', params.files.cert)).toContain(
      'OK',
    );
    expect(await modeOf(params.files.key)).toBe('600');
  });

  const changes: readonly [string, Partial<GenerateSignedCert>, string][] = [
    [
      'a new address',
      { sans: { dns: ['m1', 'localhost'], ips: ['10.99.0.11', '127.0.0.1', 'fd00::1', '10.99.0.13'] } },
      'SAN 10.99.0.13 is missing',
    ],
    [
      'an address that went',
      { sans: { dns: ['m1'], ips: ['10.99.0.11', '127.0.0.1', 'fd00::1'] } },
      'SAN localhost is not wanted any more',
    ],
    [
      'another subject',
      { subject: { commonName: 'm2' } },
      'its subject is O=a, b=c, O=system:masters, CN=m1, not CN=m2',
    ],
    ['other usages', { usages: ['client'] }, 'usage server is not wanted any more'],
    ['an early renewal', { renewBeforeDays: 400 }, 'it ends in 364 days'],
  ];
  test.each(changes)('is made again for %s', async (_, change, because) => {
    const params = await leafParams();
    await runStep(generateSignedCert(params));
    const { first } = await runStep(generateSignedCert({ ...params, ...change }));
    expect(first).toMatchObject({ state: 'needed', because });
  });

  test('is made again for another CA, a missing key, a key that does not match, an end that is near', async () => {
    const params = await leafParams();
    const step = generateSignedCert(params);
    await runStep(step);
    await unlink(params.files.key);
    expect((await runStep(step)).first.because).toContain('is missing');
    await copyFile(params.ca.key, params.files.key);
    expect(await runStep(step)).toMatchObject({
      first: { because: 'its key is not the one that is there' },
      last: { state: 'satisfied' },
    });
    await unlink(params.ca.key);
    await unlink(params.ca.cert);
    await runStep(generateCACert({ files: params.ca, subject: { commonName: 'kubexm-ca' } }));
    expect(await runStep(step)).toMatchObject({
      first: { because: `${params.ca.cert} did not sign it` },
      last: { state: 'satisfied' },
    });
    vi.useFakeTimers({ now: Date.now() + 340 * 86_400_000, toFake: ['Date'] });
    try {
      expect(await runStep(step)).toMatchObject({
        first: { because: 'it ends in 24 days' },
        last: { state: 'satisfied' },
      });
    } finally {
      vi.useRealTimers();
    }
  });

  test('whose key is open to others gets it closed, and is not made again', async () => {
    const params = await leafParams();
    const step = generateSignedCert(params);
    await runStep(step);
    const before = await readFile(params.files.cert);
    await chmod(params.files.key, 0o644);
    expect((await runStep(step)).first.because).toContain('open to others (mode 0644)');
    expect(await modeOf(params.files.key)).toBe('600');
    expect(await readFile(params.files.cert)).toEqual(before);
  });

  test('never outlives its CA, and is not made again and again for that', async () => {
    const dir = await temporaryDirectory();
    const ca = { cert: join(dir, 'ca.crt'), key: join(dir, 'ca.key') };
    await runStep(generateCACert({ files: ca, subject: { commonName: 'short' }, validDays: 20 }));
    const params: GenerateSignedCert = {
      files: { cert: join(dir, 'l.crt'), key: join(dir, 'l.key') },
      ca,
      subject: { commonName: 'l' },
      usages: ['client'],
    };
    expect((await runStep(generateSignedCert(params))).last.state).toBe('satisfied');
  });

  test('is not made without its CA', async () => {
    const params = await leafParams();
    await unlink(params.ca.key);
    await unlink(params.ca.cert);
    await expect(generateSignedCert(params).run(localContext(), undefined)).rejects.toMatchObject({
      code: 'PKI_BROKEN',
    });
  });
});

describe('key pair', () => {
  test('is RSA in the forms that kubeadm writes, and stays', async () => {
    const dir = await temporaryDirectory();
    const params = { privateKey: join(dir, 'sa.key'), publicKey: join(dir, 'sa.pub') };
    expect((await runStep(generateKeyPair(params))).last.state).toBe('satisfied');
    const key = await readFile(params.privateKey, 'utf8');
    expect(key).toContain('BEGIN RSA PRIVATE KEY');
    expect(await openssl('rsa', '-in', params.privateKey, '-check', '-noout')).toContain('RSA key ok');
    expect(await openssl('rsa', '-in', params.privateKey, '-pubout')).toBe(await readFile(params.publicKey, 'utf8'));
    expect(await modeOf(params.privateKey)).toBe('600');
    await unlink(params.publicKey);
    expect((await runStep(generateKeyPair(params))).last.state).toBe('satisfied');
    expect(await readFile(params.privateKey, 'utf8')).toBe(key);
    await unlink(params.privateKey);
    await expect(runStep(generateKeyPair(params))).rejects.toMatchObject({ code: 'PKI_BROKEN' });
  });
});

describe('token', () => {
  test('is random, well formed, 0600, and stays', async () => {
    const path = join(await temporaryDirectory(), 'token');
    await runStep(generateToken({ path }));
    const token = await readFile(path, 'utf8');
    expect(token).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}\n$/);
    expect(await modeOf(path)).toBe('600');
    expect((await runStep(generateToken({ path }))).first.state).toBe('satisfied');
    await writeFile(path, '');
    await runStep(generateToken({ path }));
    expect(await readFile(path, 'utf8')).not.toBe(token);
  });
});

describe('kubeconfig', () => {
  test('holds everything, follows its certificate, and says nothing of keys elsewhere', async () => {
    const client = await leafParams({
      subject: { commonName: 'admin', organizations: ['system:masters'] },
      usages: ['client'],
    });
    await runStep(generateSignedCert(client));
    const params = {
      path: join(await temporaryDirectory(), 'kubeconfig'),
      servers: ['https://10.0.0.1:6443', 'https://10.0.0.2:6443'],
      clusterName: 'demo',
      user: 'admin',
      ca: client.ca.cert,
      client: client.files,
    };
    const step = generateKubeconfig(params);
    const { last, ctx } = await runStep(step);
    expect(last.state).toBe('satisfied');
    expect(await modeOf(params.path)).toBe('600');
    const content = parse(await readFile(params.path, 'utf8'));
    expect(content['current-context']).toBe('admin@demo');
    expect(content.clusters[0].cluster.server).toBe('https://10.0.0.1:6443');
    const key = await readFile(client.files.key, 'utf8');
    expect(Buffer.from(content.users[0].user['client-key-data'], 'base64').toString()).toBe(key);
    expect(JSON.stringify([...ctx.outputs, ctx.logs, step.params])).not.toContain(
      content.users[0].user['client-key-data'],
    );
    // Somebody chose another of the servers, since the first is down.
    const chosen = (await readFile(params.path, 'utf8')).replace('10.0.0.1', '10.0.0.2');
    await writeFile(params.path, chosen);
    expect((await runStep(step)).first.state).toBe('satisfied');
    expect(await readFile(params.path, 'utf8')).toBe(chosen);
    await runStep(generateSignedCert({ ...client, renewBeforeDays: 400 }));
    expect((await runStep(step)).first.because).toBe('an address or a certificate in it changed');
    expect((await runStep(generateKubeconfig({ ...params, servers: ['https://10.0.0.3:6443'] }))).first.state).toBe(
      'needed',
    );
  });
});

test('all of them refuse another host', async () => {
  const files = { cert: '/nowhere/c', key: '/nowhere/k' };
  const steps = [
    generateCACert({ files, subject: { commonName: 'x' } }),
    generateSignedCert({ files, ca: files, subject: { commonName: 'x' }, usages: [] }),
    generateKeyPair({ privateKey: '/nowhere/a', publicKey: '/nowhere/b' }),
    generateToken({ path: '/nowhere/t' }),
    generateKubeconfig({ path: '/nowhere/k', servers: ['x'], clusterName: 'x', user: 'x', ca: 'x', client: files }),
  ];
  for (const step of steps)
    await expect(step.precheck(localContext({ host: 'm1' }))).rejects.toThrow('control node only');
});
