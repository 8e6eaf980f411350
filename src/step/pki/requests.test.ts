import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { runStep, temporaryDirectory } from '../local-step.fixture.js';
import { generateCACert, importSigned, keylessCa, requireKeylessCa, requireSigned, writeRequests } from './index.js';
import type { SignedElsewhere } from './params.js';

const openssl = async (...args: string[]) => (await promisify(execFile)('openssl', args)).stdout;

/** A CA that signs elsewhere, a work directory, and two certificates that are wanted of it. */
async function setting() {
  const dir = await temporaryDirectory();
  const signer = { cert: join(dir, 'company', 'ca.crt'), key: join(dir, 'company', 'ca.key') };
  await runStep(generateCACert({ files: signer, subject: { commonName: 'company' } }));
  const certs = join(dir, 'certs');
  const pair = (name: string) => ({ cert: join(certs, `${name}.crt`), key: join(certs, `${name}.key`) });
  const common = { ca: join(certs, 'ca.crt'), source: signer.cert };
  const certificates: readonly SignedElsewhere[] = [
    {
      ...common,
      host: 'm1',
      name: 'apiserver',
      files: pair('apiserver-m1'),
      subject: { commonName: 'kube-apiserver' },
      usages: ['server'],
      sans: { dns: ['m1', 'kubernetes'], ips: ['10.0.0.11'] },
    },
    {
      ...common,
      host: 'm1',
      name: 'admin.conf',
      files: pair('admin.conf-m1'),
      subject: { commonName: 'kubernetes-admin', organizations: ['kubeadm:cluster-admins'] },
      usages: ['client'],
    },
  ];
  const directory = join(dir, 'requests');
  const ask = (withinDays = 30, wanted = certificates) =>
    writeRequests({ certificates: wanted, directory, cluster: 'prod', withinDays });
  const take = (minDays = 30) => importSigned({ certificates, directory, minDays });
  /** As a signer would: the request's subject and extensions, for so many days. */
  const sign = (name: string, { days = 90, ca = signer, as = name } = {}) => {
    const file = (end: string) => join(directory, 'm1', end);
    const by = ['-CA', ca.cert, '-CAkey', ca.key, '-days', String(days), '-copy_extensions', 'copyall'];
    return openssl('x509', '-req', '-in', file(`${name}.csr`), ...by, '-out', file(`${as}.crt`));
  };
  const needs = (minDays = 0) =>
    runStep(requireSigned({ certificates: certificates.map((each) => ({ ...each, minDays })) }));
  return { dir, certs, signer, certificates, directory, ask, take, sign, needs };
}

test('what is asked for, signed and imported is what was wanted, and is asked for no more', async () => {
  const { ask, take, sign, needs, directory, certs, certificates } = await setting();
  expect(await ask()).toEqual([
    { host: 'm1', name: 'apiserver', because: 'there is none yet' },
    { host: 'm1', name: 'admin.conf', because: 'there is none yet' },
  ]);
  const request = await openssl('req', '-in', join(directory, 'm1', 'apiserver.csr'), '-noout', '-text', '-verify');
  expect(request).toMatch(/CN ?= ?kube-apiserver/);
  expect(request).toContain('DNS:m1, DNS:kubernetes, IP Address:10.0.0.11');
  expect(request).toContain('TLS Web Server Authentication');
  const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')) as { requests: object[] };
  expect(index.requests[1]).toEqual({
    host: 'm1',
    name: 'admin.conf',
    request: 'm1/admin.conf.csr',
    certificate: 'm1/admin.conf.crt',
    because: 'there is none yet',
    issuer: 'CN=company',
    subject: { commonName: 'kubernetes-admin', organizations: ['kubeadm:cluster-admins'] },
    sans: { dns: [], ips: [] },
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: ['clientAuth'],
    suggestedDays: 365,
  });
  // No key leaves the work directory, and nobody else reads it there.
  expect(JSON.stringify(await readdir(directory, { recursive: true }))).not.toContain('key');
  expect((await stat(join(certs, 'apiserver-m1.request.key'))).mode & 0o777).toBe(0o600);

  await expect(needs()).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    details: ['apiserver of m1: there is none yet', 'admin.conf of m1: there is none yet'],
  });
  await sign('apiserver');
  expect(await take()).toEqual({ stored: ['apiserver of m1'], same: [], waiting: ['admin.conf of m1'] });
  await sign('admin.conf');
  expect(await take()).toEqual({ stored: ['admin.conf of m1'], same: ['apiserver of m1'], waiting: [] });
  expect((await needs()).first.state).toBe('satisfied');
  for (const { files } of certificates) expect((await stat(files.key)).mode & 0o777).toBe(0o600);
  expect((await readdir(certs)).filter((name) => name.includes('request'))).toEqual([]);
  expect(await ask()).toEqual([]);
  await expect(needs(120)).rejects.toThrow('2 certificates are missing or due');
});

test('what is due is asked for with a new key, and the one in use stays until the import', async () => {
  const { ask, take, sign, needs, certificates } = await setting();
  await ask();
  await Promise.all([sign('apiserver', { days: 400 }), sign('admin.conf', { days: 20 })]);
  await take(10);
  const before = await readFile(certificates[1]?.files.key ?? '', 'utf8');
  expect(await ask()).toEqual([{ host: 'm1', name: 'admin.conf', because: 'it ends in 19 days' }]);
  await needs();
  expect(await readFile(certificates[1]?.files.key ?? '', 'utf8')).toBe(before);
  expect(await take()).toEqual({ stored: [], same: ['apiserver of m1'], waiting: ['admin.conf of m1'] });
  // Asked again it is the same request: what is signed already stays good.
  await sign('admin.conf', { days: 300 });
  await ask();
  expect(await take()).toMatchObject({ stored: ['admin.conf of m1'], waiting: [] });
  expect(await readFile(certificates[1]?.files.key ?? '', 'utf8')).not.toBe(before);
});

test('names that are not wanted any more are no reason to ask, missing ones are', async () => {
  const { ask, take, sign, certificates } = await setting();
  await ask();
  await Promise.all([sign('apiserver'), sign('admin.conf')]);
  await take();
  const [apiserver, admin] = certificates;
  if (apiserver === undefined || admin === undefined) throw new Error('two are wanted');
  const withNames = (dns: readonly string[]) => [{ ...apiserver, sans: { dns, ips: ['10.0.0.11'] } }, admin];
  expect(await ask(30, withNames(['m1']))).toEqual([]);
  expect(await ask(30, withNames(['m1', 'kubernetes', 'm2']))).toMatchObject([{ because: 'SAN m2 is missing' }]);
});

test('the leaf of a chain is taken, in whatever order its file has them', async () => {
  const { ask, take, sign, signer, directory, certificates } = await setting();
  await ask();
  await Promise.all([sign('apiserver'), sign('admin.conf')]);
  const ca = await readFile(signer.cert, 'utf8');
  const chained = async (name: string, text: (leaf: string) => string) => {
    const path = join(directory, 'm1', `${name}.crt`);
    await writeFile(path, text(await readFile(path, 'utf8')));
  };
  await chained('apiserver', (leaf) => `${leaf}${ca}`);
  await chained('admin.conf', (leaf) => `subject=the CA first\n${ca}\n${leaf}`);
  expect((await take()).stored).toHaveLength(2);
  for (const { files, subject } of certificates) {
    const text = await readFile(files.cert, 'utf8');
    expect(text.match(/BEGIN/g)).toHaveLength(1);
    expect(new X509Certificate(text).subject).toContain(`CN=${subject.commonName}`);
  }
  expect(await take()).toEqual({ stored: [], same: ['apiserver of m1', 'admin.conf of m1'], waiting: [] });
});

test('what was imported before is not asked again how long it lasts, and which names it has', async () => {
  const { ask, take, sign, directory, certificates } = await setting();
  await ask();
  await Promise.all([sign('apiserver', { days: 20 }), sign('admin.conf', { days: 20 })]);
  await take(10);
  const [apiserver, admin] = certificates;
  if (apiserver === undefined || admin === undefined) throw new Error('two are wanted');
  const fewer = [{ ...apiserver, sans: { dns: ['m1'], ips: ['10.0.0.11'] } }, admin];
  expect(await importSigned({ certificates: fewer, directory, minDays: 30 })).toEqual({
    stored: [],
    same: ['apiserver of m1', 'admin.conf of m1'],
    waiting: [],
  });
});

test('ended between the two files of a pair, an import is done again', async () => {
  const { ask, take, sign, needs, certs, certificates } = await setting();
  await ask();
  await Promise.all([sign('apiserver'), sign('admin.conf')]);
  await take();
  const [apiserver] = certificates;
  // Asked for anew and signed; the key is in its place already, the certificate is not.
  await ask(100);
  await Promise.all([sign('apiserver', { days: 200 }), sign('admin.conf', { days: 200 })]);
  await copyFile(join(certs, 'apiserver-m1.request.key'), apiserver?.files.key ?? '');
  await expect(needs()).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  expect((await take()).stored).toEqual(['apiserver of m1', 'admin.conf of m1']);
  expect((await needs(100)).first.state).toBe('satisfied');
  // Ended before the keys of the requests were gone.
  await copyFile(apiserver?.files.key ?? '', join(certs, 'apiserver-m1.request.key'));
  expect(await take()).toMatchObject({ stored: [], same: ['apiserver of m1', 'admin.conf of m1'], waiting: [] });
  expect((await readdir(certs)).filter((name) => name.includes('request'))).toEqual([]);
});

describe('refused with all that is wrong, and nothing stored', () => {
  test.each<[string, (s: Awaited<ReturnType<typeof setting>>) => Promise<unknown>, readonly RegExp[]]>([
    [
      'of another CA',
      async ({ dir, sign }) => {
        const ca = { cert: join(dir, 'other.crt'), key: join(dir, 'other.key') };
        await runStep(generateCACert({ files: ca, subject: { commonName: 'company' } }));
        await sign('admin.conf', { ca });
      },
      [/^m1\/admin.conf.crt: .*ca.crt did not sign it, but CN=company: no CA between/],
    ],
    [
      'of a CA below the own one, which is in the file as well',
      async ({ dir, directory, signer, sign }) => {
        const below = { cert: join(dir, 'below.crt'), key: join(dir, 'below.key') };
        const of = ['-newkey', 'rsa:2048', '-nodes', '-keyout', below.key, '-subj', '/CN=below'];
        const by = ['-CA', signer.cert, '-CAkey', signer.key, '-addext', 'basicConstraints=critical,CA:TRUE'];
        await openssl('req', '-x509', ...of, ...by, '-out', below.cert);
        await sign('admin.conf', { ca: below });
        const path = join(directory, 'm1', 'admin.conf.crt');
        await writeFile(path, `${await readFile(path, 'utf8')}${await readFile(below.cert, 'utf8')}`);
      },
      [/did not sign it, but CN=below: no CA between the two is taken/],
    ],
    [
      "another one's",
      ({ sign }) => sign('apiserver', { as: 'admin.conf' }),
      [
        /admin.conf.crt: it has another public key than the request/,
        /admin.conf.crt: its subject is CN=kube-apiserver, not O=kubeadm:cluster-admins, CN=kubernetes-admin/,
      ],
    ],
    ['too short', ({ sign }) => sign('admin.conf', { days: 10 }), [/it ends in 9 days, and is to last 30 days/]],
    [
      'no certificate',
      ({ directory }) => writeFile(join(directory, 'm1', 'admin.conf.crt'), 'x'),
      [/no certificate that can be read/],
    ],
    [
      'of a stranger',
      async ({ directory, sign }) => {
        await sign('admin.conf');
        await mkdir(join(directory, 'm9'));
        await copyFile(join(directory, 'm1', 'admin.conf.crt'), join(directory, 'm9', 'kubelet.crt'));
      },
      [/^m9\/kubelet.crt: this cluster has no such certificate$/],
    ],
    [
      'without names and usages',
      async ({ directory, signer }) => {
        const file = (end: string) => join(directory, 'm1', end);
        const by = ['-CA', signer.cert, '-CAkey', signer.key, '-days', '90'];
        await openssl('x509', '-req', '-in', file('apiserver.csr'), ...by, '-out', file('apiserver.crt'));
      },
      [/SAN m1, kubernetes, 10.0.0.11 are missing/],
    ],
  ])('%s', async (_, spoil, wanted) => {
    const trial = await setting();
    await trial.ask();
    await trial.sign('apiserver');
    await spoil(trial);
    const refused = await trial.take().catch((error: unknown) => error as { code: string; details: string[] });
    expect(refused).toMatchObject({ code: 'GUARD_REFUSED' });
    const { details } = refused as { details: string[] };
    expect(details).toHaveLength(wanted.length);
    for (const [index, pattern] of wanted.entries()) expect(details[index]).toMatch(pattern);
    expect((await readdir(trial.certs)).filter((name) => name.endsWith('.crt'))).toEqual(['ca.crt']);
  });
});

describe('keylessCa', () => {
  test('takes the certificate, and no key', async () => {
    const { signer, certs } = await setting();
    const files = { cert: join(certs, 'ca.crt'), key: join(certs, 'ca.key') };
    const { first, last } = await runStep(keylessCa({ source: signer.cert, files }));
    expect([first.state, last.state]).toEqual(['needed', 'satisfied']);
    expect(await readdir(certs)).toEqual(['ca.crt']);
    const fingerprint = async (path: string) => new X509Certificate(await readFile(path)).fingerprint256;
    expect(await fingerprint(files.cert)).toBe(await fingerprint(signer.cert));
  });

  test('a cluster that has the key of its CA keeps it', async () => {
    const { signer } = await setting();
    await expect(runStep(keylessCa({ source: signer.cert, files: signer }))).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      hint: 'write keyFile into spec.certs again',
    });
  });

  test('an adopted cluster has to have this one', async () => {
    const { signer, directory, certs } = await setting();
    const files = { cert: join(certs, 'ca.crt'), key: join(certs, 'ca.key') };
    await runStep(keylessCa({ source: signer.cert, files }));
    expect((await runStep(requireKeylessCa({ source: signer.cert, files }))).last.state).toBe('satisfied');
    const other = { cert: join(directory, 'other.crt'), key: join(directory, 'other.key') };
    await runStep(generateCACert({ files: other, subject: { commonName: 'other' } }));
    await expect(runStep(requireKeylessCa({ source: other.cert, files }))).rejects.toThrow(
      'is not the CA of the cluster',
    );
  });

  test('only a CA will do', async () => {
    const { ask, sign, signer, directory, certs } = await setting();
    await ask();
    await sign('admin.conf');
    const files = { cert: join(certs, 'other.crt'), key: join(certs, 'other.key') };
    const step = keylessCa({ source: join(directory, 'm1', 'admin.conf.crt'), files });
    await expect(runStep(step)).rejects.toThrow(/is the certificate of no CA/);
    await expect(runStep(keylessCa({ source: join(directory, 'none'), files }))).rejects.toThrow(/is not there/);
    const chain = join(directory, 'chain.crt');
    const own = await readFile(signer.cert, 'utf8');
    await writeFile(chain, `${own}${own}`);
    await expect(runStep(keylessCa({ source: chain, files }))).rejects.toThrow(/chain.crt holds 2 certificates/);
  });
});

test('a directory of another cluster is left alone', async () => {
  const { certificates, directory, ask } = await setting();
  await ask();
  const asked = writeRequests({ certificates, directory, cluster: 'test', withinDays: 30 });
  await expect(asked).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
});
