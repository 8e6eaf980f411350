import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fileChecksum, openCache } from './index.js';

async function temporaryFile(name: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kubexm-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'cluster', name);
}

test('what was saved is there for the next one; what was not is not', async () => {
  const path = await temporaryFile('cache.json');
  const cache = await openCache(path);
  cache.set('facts', 'm1', { cpus: 4 });
  await cache.save();
  cache.set('facts', 'm2', 1);
  const next = await openCache(path);
  expect([next.get('facts', 'm1'), next.get('facts', 'm2'), next.get('checksums', 'm1')]).toEqual([
    { cpus: 4 },
    undefined,
    undefined,
  ]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('two that are open at once keep each other’s entries', async () => {
  const path = await temporaryFile('cache.json');
  const [one, two] = [await openCache(path), await openCache(path)];
  one.set('facts', 'a', 1);
  two.set('facts', 'b', 2);
  await Promise.all([one.save(), two.save()]);
  one.delete('facts', 'a');
  await one.save();
  const next = await openCache(path);
  expect([next.get('facts', 'a'), next.get('facts', 'b')]).toEqual([undefined, 2]);
});

test.each(['', '{', '[]', '{"version":99,"facts":{"a":1}}', '{"version":1,"facts":7}'])(
  'a broken file (%s) is an empty cache',
  async (text) => {
    const path = await temporaryFile('cache.json');
    await (await openCache(path)).save();
    const cache = await openCache(path);
    cache.set('facts', 'b', 2);
    await cache.save();
    await writeFile(path, text);
    const next = await openCache(path);
    expect(next.get('facts', 'a')).toBeUndefined();
    next.set('facts', 'c', 3);
    await next.save();
    expect((await openCache(path)).get('facts', 'c')).toBe(3);
  },
);

test('a file is hashed again only when it changed', async () => {
  const cache = await openCache(await temporaryFile('cache.json'));
  const path = await temporaryFile('artifact').then((name) => name.replace('/cluster/', '/'));
  expect(await fileChecksum(cache, path)).toBeUndefined();
  await writeFile(path, 'a');
  const first = await fileChecksum(cache, path);
  const remembered = cache.get('checksums', path);
  cache.set('checksums', path, { ...(remembered as object), sha256: 'remembered' });
  expect(await fileChecksum(cache, path)).toBe('remembered');
  await utimes(path, 1, 1);
  expect(await fileChecksum(cache, path)).toBe(first);
  await writeFile(path, 'b');
  expect(await fileChecksum(cache, path)).not.toBe(first);
  await unlink(path);
  expect(await fileChecksum(cache, path)).toBeUndefined();
});

test('the lock of a process that was killed is taken over', async () => {
  const path = await temporaryFile('cache.json');
  await (async (cache) => {
    cache.set('facts', 'a', 1);
    await cache.save();
  })(await openCache(path));
  const gone = spawn('true');
  await once(gone, 'exit');
  await writeFile(`${path}.busy`, `${gone.pid} 0123\n`);
  const cache = await openCache(path);
  cache.set('facts', 'b', 2);
  await cache.save();
  expect(JSON.parse(await readFile(path, 'utf8')).facts).toEqual({ a: 1, b: 2 });
});
