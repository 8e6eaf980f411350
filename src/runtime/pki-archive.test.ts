import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { describe, expect, test } from 'vitest';
import { Secret } from '../secrets/index.js';
import { generateCACert } from '../step/index.js';
import { localContext, runStep, temporaryDirectory } from '../step/local-step.fixture.js';
import { type ArchiveKey, type ArchiveLock, exportPki, importPki } from './pki-archive.js';
import { workDirs } from './work-dirs.js';

const passphrase = { passphrase: new Secret('correct horse') };

/** A work directory with a CA in it, and an archive of it. */
async function setting(lock: ArchiveLock = { ...passphrase, workFactor: 4 }) {
  const cwd = await temporaryDirectory();
  const dirs = workDirs({ cwd, clusterName: 'prod' });
  const at = (name: string) => join(dirs.clusterWorkDir, name);
  const files = { cert: at('certs/kubernetes/ca.crt'), key: at('certs/kubernetes/ca.key') };
  await mkdir(dirname(files.cert), { recursive: true });
  await runStep(generateCACert({ files, subject: { commonName: 'kubernetes' } }), localContext());
  await writeFile(at('certs/kubernetes/sa.pub'), 'public');
  await writeFile(at('known_hosts'), 'keys');
  const path = join(cwd, 'pki.age');
  const names = await exportPki({ workDirs: dirs, cluster: 'prod', path, lock });
  const put = (key: ArchiveKey = passphrase, cluster = 'prod') => importPki({ workDirs: dirs, cluster, path, key });
  return { at, files, path, names, put, lose: () => rm(dirs.clusterWorkDir, { recursive: true }) };
}

describe('the archive of a PKI', () => {
  test('what is lost comes back with its modes, by the passphrase; a second import changes nothing', async () => {
    const { files, path, names, put, lose } = await setting();
    expect(names).toEqual([
      'certs/kubernetes/ca.crt',
      'certs/kubernetes/ca.key',
      'certs/kubernetes/sa.pub',
      'known_hosts',
    ]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const key = await readFile(files.key, 'utf8');
    expect(await readFile(path, 'latin1')).not.toContain(key.split('\n')[1]);
    await lose();
    expect((await put()).written).toEqual(names);
    expect(await readFile(files.key, 'utf8')).toBe(key);
    expect((await stat(files.key)).mode & 0o777).toBe(0o600);
    expect((await stat(files.cert)).mode & 0o777).toBe(0o644);
    expect((await put()).written).toEqual([]);
  });

  test('without the key of the CA only where the config says that it is elsewhere', async () => {
    const { at, files } = await setting();
    await rm(files.key);
    const dirs = workDirs({ cwd: join(at('..'), '..'), clusterName: 'prod' });
    const archive = {
      workDirs: dirs,
      cluster: 'prod',
      path: join(at('..'), 'keyless.age'),
      lock: { ...passphrase, workFactor: 4 },
    };
    await expect(exportPki(archive)).rejects.toMatchObject({ code: 'FILE_MISSING' });
    expect(await exportPki({ ...archive, isKeyless: true })).toContain('certs/kubernetes/ca.crt');
  });

  test('by an identity of age', async () => {
    const identity = await generateIdentity();
    const { put, lose } = await setting({ recipients: [await identityToRecipient(identity)] });
    await lose();
    await expect(put()).rejects.toMatchObject({ code: 'SECRET_MISSING' });
    const text = `# created: now\n${identity}\n`;
    expect((await put({ identities: new Secret(text) })).written.length).toBe(4);
  });

  test('another CA is never written over, and then nothing else is written either', async () => {
    const { at, files, put } = await setting();
    await rm(at('certs/kubernetes/sa.pub'));
    await writeFile(files.cert, 'another');
    await expect(put()).rejects.toMatchObject({ code: 'GUARD_REFUSED', details: ['certs/kubernetes/ca.crt differs'] });
    await expect(stat(at('certs/kubernetes/sa.pub'))).rejects.toThrow('ENOENT');
  });

  test.each([
    ['a wrong passphrase', { passphrase: new Secret('wrong') }, 'prod', 'SECRET_MISSING'],
    ['the archive of another cluster', passphrase, 'test', 'GUARD_REFUSED'],
  ])('%s is refused', async (_what, key, cluster, code) => {
    const { put } = await setting();
    await expect(put(key, cluster)).rejects.toMatchObject({ code });
  });

  test('where there is no CA there is nothing to put away', async () => {
    const cwd = await temporaryDirectory();
    const dirs = workDirs({ cwd, clusterName: 'prod' });
    const path = join(cwd, 'pki.age');
    await expect(exportPki({ workDirs: dirs, cluster: 'prod', path, lock: passphrase })).rejects.toMatchObject({
      code: 'FILE_MISSING',
    });
  });
});
