import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { localConnector } from '../../connector/index.js';
import { createRunner, type HostRunner } from '../../runner/index.js';
import { sha256File } from '../../util/sha256-file.js';
import { hostTrial } from '../host-step.fixture.js';
import { fileDigest } from './digest.js';
import { installKeyPair } from './install-pair.js';

/** A directory of the "control machine" and one of the "host", with a real shell. */
async function setting() {
  const base = await mkdtemp(join(tmpdir(), 'kubexm-pair-'));
  const [from, to] = [join(base, 'from'), join(base, 'to')];
  const connector = localConnector('m1');
  onTestFinished(async () => {
    await connector.close();
    await rm(base, { recursive: true, force: true });
  });
  await mkdir(from);
  await mkdir(to);
  const source = { cert: join(from, 'server.pem'), key: join(from, 'server-key.pem') };
  const target = { cert: join(to, 'server.pem'), key: join(to, 'server-key.pem') };
  const put = async (cert: string, key: string, at = source) => {
    await writeFile(at.cert, cert, { mode: 0o644 });
    await writeFile(at.key, key, { mode: 0o600 });
  };
  const trial = async () => {
    const outputs = new Map<string, string>();
    for (const path of [source.cert, source.key]) outputs.set(fileDigest(path).$output, await sha256File(path));
    const own = hostTrial({ name: 'm1', outputs: Object.fromEntries(outputs) });
    const runner = createRunner(connector, { name: 'm1', sudo: false });
    // Files of the test belong to whoever runs it.
    const upload: typeof runner.upload = (local, path, options) =>
      runner.upload(local, path, { ...options, owner: userInfo().username });
    const host: HostRunner = {
      ...own.ctx.host,
      upload,
      run: (command, options) => runner.run(command, options),
      statMany: (paths, options) => runner.statMany(paths, options),
    };
    return { ...own.ctx, host };
  };
  const play = async (step = installKeyPair({ source, target })) => {
    const ctx = await trial();
    const first = await step.precheck(ctx);
    if (first.state === 'needed') await step.run(ctx, first.before);
    return { first, again: await step.precheck(ctx), ctx, step };
  };
  const there = async () => ({
    names: (await readdir(to)).sort(),
    cert: await readFile(target.cert, 'utf8'),
    key: await readFile(target.key, 'utf8'),
  });
  return { put, play, there, source, target };
}

test('certificate and key come together; those before stay beside them', async () => {
  const { put, play, there, target } = await setting();
  await put('new cert', 'new key');
  await put('old cert', 'old key', target);
  const { first, again } = await play();
  expect(first).toMatchObject({ state: 'needed', because: `${target.key} is another one` });
  expect(again).toEqual({ state: 'satisfied', because: 'they are in place' });
  expect(await there()).toEqual({
    names: ['server-key.pem', 'server-key.pem.previous', 'server.pem', 'server.pem.previous'],
    cert: 'new cert',
    key: 'new key',
  });
  expect(await readFile(`${target.key}.previous`, 'utf8')).toBe('old key');
  expect((await stat(`${target.key}.previous`)).mode & 0o777).toBe(0o600);
  expect((await stat(target.key)).mode & 0o777).toBe(0o600);
});

test('interrupted between the two, it is made good, and what is kept is the pair that served', async () => {
  const { put, play, there, source, target } = await setting();
  await put('old cert', 'old key', target);
  await put('cert 1', 'key 1');
  await play();
  // The next attempt is killed when the key is in place and the certificate is not.
  await put('cert 2', 'key 2');
  await writeFile(target.key, 'key 2');
  const { first, again } = await play(installKeyPair({ source, target }));
  expect(first).toMatchObject({ state: 'needed', because: `${target.cert} is another one` });
  expect(again.state).toBe('satisfied');
  expect(await there()).toMatchObject({ cert: 'cert 2', key: 'key 2' });
  expect(await readFile(`${target.cert}.previous`, 'utf8')).toBe('old cert');
  expect(await readFile(`${target.key}.previous`, 'utf8')).toBe('old key');
});

test('undone, the pair before is back', async () => {
  const { put, play, there, target } = await setting();
  await put('new cert', 'new key');
  await put('old cert', 'old key', target);
  const { ctx, step } = await play();
  await step.rollback?.(ctx, { isNew: false });
  expect(await there()).toEqual({ names: ['server-key.pem', 'server.pem'], cert: 'old cert', key: 'old key' });
});

test('where there was none, nothing is kept', async () => {
  const { put, play, there } = await setting();
  await put('new cert', 'new key');
  await play();
  expect((await there()).names).toEqual(['server-key.pem', 'server.pem']);
});

test('without keeping, nothing is left beside them, and nothing is put back', async () => {
  const { put, play, there, source, target } = await setting();
  const step = installKeyPair({ source, target, keep: false });
  await put('old', 'old key', target);
  await put('new', 'new key');
  const { ctx, again } = await play(step);
  expect(again.state).toBe('satisfied');
  await step.rollback?.(ctx, { isNew: false });
  expect(await there()).toEqual({ names: ['server-key.pem', 'server.pem'], cert: 'new', key: 'new key' });
});
