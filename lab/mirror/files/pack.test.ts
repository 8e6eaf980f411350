import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256OfFile } from './checksums.js';
import { ownCrictl, packRelease } from './pack.js';
import { type ReleaseFile, releaseFiles } from './releases.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kubexm-pack-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function packed(component: string, filesDirectory: string): Promise<ReleaseFile> {
  const file = releaseFiles('amd64').find((candidate) => candidate.component.name === component);
  if (file === undefined) throw new Error(`nothing is published for ${component}`);
  const programs = join(root, 'programs');
  await mkdir(programs, { recursive: true });
  for (const { name } of file.component.programs) await writeFile(join(programs, name), `program ${name}`);
  await packRelease(file, programs, filesDirectory);
  return file;
}

test.each([
  ['etcd', 'etcd-v3.6.14-linux-amd64/etcd'],
  ['containerd', 'bin/containerd'],
  ['cni-plugins', './bridge'],
  ['crictl', 'crictl'],
])('the archive of %s has its programs where upstream has them', async (component, member) => {
  const file = await packed(component, root);
  const members = execFileSync('tar', ['-tzf', join(root, file.path)])
    .toString()
    .trim()
    .split('\n');
  expect(members).toContain(member);
  expect(members).toHaveLength(file.component.programs.length);
});

test('the checksum beside a file is its own', async () => {
  const { path, checksum } = await packed('kubernetes', root);
  expect(await readFile(join(root, checksum.path), 'utf8')).toBe(await sha256OfFile(join(root, path)));
});

test('packing the same programs again gives the same bytes', async () => {
  const first = await packed('crictl', join(root, 'first'));
  const second = await packed('crictl', join(root, 'second'));
  expect(await sha256OfFile(join(root, 'second', second.path))).toBe(
    await sha256OfFile(join(root, 'first', first.path)),
  );
});

test('a crictl of the user must be there', () => {
  expect(ownCrictl({})).toBeUndefined();
  expect(() => ownCrictl({ KUBEXM_LAB_CRICTL: '/nowhere/crictl' })).toThrow('/nowhere/crictl');
});
