import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RestoreReport, restoreStage } from '../../common/etcd-restore.js';

const run = promisify(execFile);
const template = new URL('../../../templates/etcd/restore.sh', import.meta.url);

/** The script as it is, with its directory below a temporary one, and a systemctl that says that etcd is stopped. */
let root = '';
let script = '';
const at = (path: string) => join(root, path);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kubexm-restore-'));
  script = (await readFile(template, 'utf8')).replaceAll('/var/lib/kubexm/etcd-restore', at('kubexm'));
  for (const dir of ['bin', 'kubexm', 'etcd/member', 'etcd.restore/member']) await mkdir(at(dir), { recursive: true });
  await writeFile(at('bin/systemctl'), '#!/bin/sh\n[ ! -e "$ROOT/etcd-runs" ]  && exit 3; exit 0\n');
  await chmod(at('bin/systemctl'), 0o755);
  await writeFile(at('etcd/member/which'), 'old');
  await writeFile(at('etcd.restore/member/which'), 'new');
  await writeFile(at('etcd.restore/restore.json'), '{"id":"T1","sha256":"aa"}\n');
  await writeFile(at('kubexm/marker.json'), '{"id":"T1","sha256":"aa","file":"/srv/a.db"}\n');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function part(verb: string): Promise<string> {
  const env = {
    PATH: `${at('bin')}:${process.env['PATH'] ?? ''}`,
    ROOT: root,
    KUBEXM_DATA: at('etcd'),
    KUBEXM_ID: 'T1',
    KUBEXM_ENDPOINT: '',
  };
  const { stdout } = await run('sh', ['-c', script, 'restore.sh', verb], { env });
  return stdout;
}

async function stage(): Promise<string> {
  return restoreStage(JSON.parse(await part('look')) as RestoreReport, 'T1');
}

const which = (dir: string) => readFile(at(`${dir}/which`), 'utf8');

test('the old data is moved aside, the new put in its place, and all but the old forgotten', async () => {
  expect(await stage()).toBe('prepared');
  await part('swap');
  expect(await stage()).toBe('placed');
  expect([await which('etcd/member'), await which('etcd.before-restore-T1/member')]).toEqual(['new', 'old']);
  await part('swap');
  expect([await which('etcd/member'), await which('etcd.before-restore-T1/member')]).toEqual(['new', 'old']);
  await part('finish');
  expect(await stage()).toBe('finished');
  expect((await readdir(root)).sort()).toEqual(['bin', 'etcd', 'etcd.before-restore-T1', 'kubexm']);
  expect(await readdir(at('kubexm'))).toEqual([]);
  await part('finish');
});

test('it goes on where it was ended between the two moves', async () => {
  await mkdir(at('etcd.before-restore-T1'));
  await run('mv', [at('etcd/member'), at('etcd.before-restore-T1/member')]);
  expect(await stage()).toBe('moving');
  await part('swap');
  expect([await which('etcd/member'), await which('etcd.before-restore-T1/member')]).toEqual(['new', 'old']);
});

test('data that a boot between the two moves began is kept as well', async () => {
  await mkdir(at('etcd.before-restore-T1/member'), { recursive: true });
  await writeFile(at('etcd.before-restore-T1/member/which'), 'old');
  await writeFile(at('etcd/member/which'), 'begun in between');
  await part('swap');
  expect([await which('etcd/member'), await which('etcd.before-restore-T1/member')]).toEqual(['new', 'old']);
  const kept = (await readdir(at('etcd.before-restore-T1'))).find((name) => name.startsWith('member-')) ?? '';
  expect(await which(`etcd.before-restore-T1/${kept}`)).toBe('begun in between');
});

test('lost data needs not be moved', async () => {
  await rm(at('etcd'), { recursive: true });
  await part('swap');
  expect(await which('etcd/member')).toBe('new');
  expect(await stage()).toBe('placed');
});

test('nothing is moved under a running etcd, nor for another restore', async () => {
  await writeFile(at('etcd-runs'), '');
  await expect(part('swap')).rejects.toMatchObject({ stderr: 'etcd still runs\n' });
  await rm(at('etcd-runs'));
  await writeFile(at('etcd.restore/restore.json'), '{"id":"T2"}\n');
  await expect(part('swap')).rejects.toMatchObject({ stderr: expect.stringContaining('is of another restore') });
  expect(await which('etcd/member')).toBe('old');
});

test('a restore is not over as long as a manifest waits', async () => {
  await mkdir(at('kubexm/manifests'));
  await writeFile(at('kubexm/manifests/kube-apiserver.yaml'), '');
  await expect(part('finish')).rejects.toMatchObject({ stderr: expect.stringContaining('was not put back') });
  expect(await readdir(at('kubexm'))).toContain('marker.json');
});
