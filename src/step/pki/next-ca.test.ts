import { X509Certificate } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { localContext, runStep, temporaryDirectory } from '../local-step.fixture.js';
import { generateCACert } from './ca-cert.js';
import { chainFile, nextCa, promoteCa } from './next-ca.js';
import { requireCa } from './require-ca.js';
import { generateSignedCert } from './signed-cert.js';
import { trustBundle } from './trust-bundle.js';

async function setting() {
  const dir = await temporaryDirectory();
  const pair = (name: string) => ({ cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) });
  const files = { current: pair('ca'), next: pair('ca-next'), previous: pair('ca-previous') };
  const cross = join(dir, 'ca-cross.crt');
  await runStep(generateCACert({ files: files.current, subject: { commonName: 'kubernetes' } }));
  const certificate = async (path: string) => new X509Certificate(await readFile(path));
  return { dir, pair, ...files, cross, certificate, step: nextCa({ ...files, cross }) };
}

/** Whether a client that trusts only this CA takes what a server shows. */
async function isTrusted(ca: string, server: { cert: string; key: string }): Promise<boolean> {
  const listening = createServer({ cert: await readFile(server.cert), key: await readFile(server.key) }, (socket) =>
    socket.end(),
  );
  onTestFinished(() => void listening.close());
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as { port: number };
  const trusted = await readFile(ca);
  return await new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: trusted }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

describe('a CA that follows another', () => {
  test('has a name of its own, and is made once', async () => {
    const { step, next, certificate } = await setting();
    expect((await runStep(step)).first.state).toBe('needed');
    const made = await certificate(next.cert);
    expect(made.subject).toBe('CN=kubernetes-2');
    expect((await runStep(step)).first.state).toBe('satisfied');
    expect((await certificate(next.cert)).fingerprint256).toBe(made.fingerprint256);
    expect((await stat(next.key)).mode & 0o777).toBe(0o600);
  });

  test('what it signed is trusted by clients of either, with the cross certificate behind it; not without', async () => {
    const { step, current, next, cross, pair, dir } = await setting();
    await runStep(step);
    const leaf = pair('server');
    await runStep(
      generateSignedCert({
        files: leaf,
        ca: next,
        subject: { commonName: 'x' },
        usages: ['server'],
        sans: { dns: ['localhost'] },
      }),
    );
    const path = join(dir, 'chain.crt');
    await runStep(chainFile({ path, parts: [leaf.cert], optional: cross }));
    const chained = { cert: path, key: leaf.key };
    expect(await isTrusted(current.cert, chained)).toBe(true);
    expect(await isTrusted(next.cert, chained)).toBe(true);
    expect(await isTrusted(current.cert, leaf)).toBe(false);
  });

  test('an interrupted one is finished; without the key of the current one it comes without a cross certificate', async () => {
    const { step, current, next, cross } = await setting();
    await runStep(step);
    await rm(next.cert);
    await rm(cross);
    await rm(current.key);
    const ctx = localContext();
    expect((await runStep(step, ctx)).last.state).toBe('satisfied');
    expect(ctx.logs.join()).toMatch(/clients that trust only the old CA/);
    await expect(stat(cross)).rejects.toThrow('ENOENT');
  });

  test('while it is there, nothing else makes use of the current one', async () => {
    const { step, current } = await setting();
    await runStep(step);
    const refused = { code: 'GUARD_REFUSED', hint: expect.stringContaining('rotate-ca') };
    await expect(
      runStep(generateCACert({ files: current, subject: { commonName: 'kubernetes' } })),
    ).rejects.toMatchObject(refused);
    await expect(runStep(requireCa({ files: current }))).rejects.toMatchObject(refused);
    expect((await runStep(requireCa({ files: current, rotating: true }))).first.state).toBe('satisfied');
  });

  test("the user's own is taken as it is, and goes on without being named again", async () => {
    const { step, current, next, cross, pair, certificate } = await setting();
    const source = pair('company');
    await runStep(generateCACert({ files: source, subject: { commonName: 'company' } }));
    const own = nextCa({ current, next, cross, source });
    expect((await runStep(own)).last.state).toBe('satisfied');
    expect(await readFile(next.cert, 'utf8')).toBe(await readFile(source.cert, 'utf8'));
    expect((await stat(next.key)).mode & 0o777).toBe(0o600);
    expect((await certificate(cross)).subject).toBe('CN=company');
    for (const again of [own, step]) expect((await runStep(again)).first.state).toBe('satisfied');
  });

  test("the user's own is refused where it is no other CA, cannot sign, or another rotation is under way", async () => {
    const { step, current, next, pair } = await setting();
    const own = (source: { cert: string; key: string }) => runStep(nextCa({ current, next, source }));
    const leaf = pair('leaf');
    await runStep(generateSignedCert({ files: leaf, ca: current, subject: { commonName: 'x' }, usages: ['client'] }));
    const company = pair('company');
    await runStep(generateCACert({ files: company, subject: { commonName: 'company' } }));
    const sameKey = pair('same-key');
    await writeFile(sameKey.key, await readFile(current.key));
    await runStep(generateCACert({ files: sameKey, subject: { commonName: 'new name' } }));
    await expect(own(current)).rejects.toMatchObject({ message: expect.stringContaining('is the CA of the cluster') });
    await expect(own(sameKey)).rejects.toMatchObject({ message: expect.stringContaining('has the key of the CA') });
    await expect(own(leaf)).rejects.toMatchObject({ code: 'PKI_BROKEN' });
    await expect(own({ cert: company.cert, key: current.key })).rejects.toMatchObject({ code: 'PKI_BROKEN' });
    await expect(own(pair('none'))).rejects.toMatchObject({ code: 'FILE_MISSING' });
    await expect(stat(next.cert)).rejects.toThrow('ENOENT');
    await runStep(step);
    await expect(own(company)).rejects.toMatchObject({ code: 'GUARD_REFUSED' });
  });

  test('takes the place of the current one, which is kept; interrupted in between, it is gone on with', async () => {
    const { step, current, next, previous, certificate } = await setting();
    await runStep(step);
    const [old, made] = [await certificate(current.cert), await certificate(next.cert)];
    const promote = promoteCa({ current, next, previous });
    // The key is in its place, the certificate is not.
    await writeFile(current.key, await readFile(next.key));
    expect((await runStep(promote)).last.state).toBe('satisfied');
    expect((await certificate(current.cert)).fingerprint256).toBe(made.fingerprint256);
    expect((await certificate(previous.cert)).fingerprint256).toBe(old.fingerprint256);
    expect((await runStep(requireCa({ files: current }))).first.state).toBe('satisfied');
  });
});

test('a host trusts both, then only the new one; the first stays first', async () => {
  const { step, current, next } = await setting();
  await runStep(step);
  const [a, b] = [await readFile(current.cert, 'utf8'), await readFile(next.cert, 'utf8')];
  const path = '/etc/kubernetes/pki/ca.crt';
  const trial = hostTrial({ files: { [path]: a } });
  const content = () => trial.host.files.get(path)?.content;
  const both = trustBundle({ path, authorities: [current.cert, next.cert] });
  expect((await trial.play(both)).again?.state).toBe('satisfied');
  expect(content()).toBe(a + b);
  const only = trustBundle({ path, authorities: [next.cert], only: true });
  expect((await trial.precheck(trustBundle({ path, authorities: [next.cert, current.cert] }))).state).toBe('satisfied');
  expect((await trial.play(only)).again?.state).toBe('satisfied');
  expect(content()).toBe(b);
});
