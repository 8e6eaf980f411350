import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { components, onDemand } from '../catalogue.js';
import { labSource } from '../locations.js';
import type { Component } from './components.js';
import { buildArguments, buildDirectory, outputName } from './go-build.js';

const pure: Component = {
  name: 'etcd',
  version: 'v3.6.14',
  programs: [{ name: 'etcd', package: 'go.etcd.io/etcd/server/v3' }],
  variables: { 'a/version.Version': 'v3.6.14' },
  takes: 'a while',
};

test('a pure Go build is stripped, without paths of the machine, and knows its version', () => {
  expect(buildArguments(pure, '/out')).toEqual([
    'build',
    '-trimpath',
    '-buildvcs=false',
    '-ldflags',
    '-s -w -X a/version.Version=v3.6.14',
    '-o',
    '/out/',
    'go.etcd.io/etcd/server/v3',
  ]);
});

test('a build with C is linked statically, with its tags', () => {
  const args = buildArguments({ ...pure, cgo: { tags: ['seccomp', 'netgo'] } }, '/out');
  expect(args).toContain('seccomp netgo');
  expect(args).toContain('-s -w -X a/version.Version=v3.6.14 -linkmode external -extldflags -static');
});

test('a major version at the end of a package is not the name of its program', () => {
  expect(outputName({ name: 'etcd', package: 'go.etcd.io/etcd/server/v3' })).toBe('server');
  expect(outputName({ name: 'flanneld', package: 'github.com/flannel-io/flannel' })).toBe('flannel');
});

test('the cache knows builds by version and recipe', async () => {
  const other = { ...pure, variables: {} };
  expect(await buildDirectory(pure)).toMatch(/\/builds\/etcd-v3\.6\.14-(amd64|arm64)-[0-9a-f]{16}$/);
  expect(await buildDirectory(other)).not.toBe(await buildDirectory(pure));
  expect(await buildDirectory({ ...pure, takes: 'longer' })).toBe(await buildDirectory(pure));
  expect(await buildDirectory({ ...pure, bringsAlong: [] })).toBe(await buildDirectory(pure));
});

test('a stand-in is built of the recipe it names, and is no other build', async () => {
  const standIn = { ...pure, version: 'v3.6.99', sourcesOf: pure.version };
  expect(await buildDirectory(standIn)).toMatch(/\/builds\/etcd-v3\.6\.99-/);
});

const built = [...components, ...onDemand].filter(({ programs }) => programs.length > 0);

test.each(built.map((component) => [`${component.name} ${component.version}`, component] as const))(
  'the recipe of %s is there and names what is built',
  async (_title, { name, version, sourcesOf = version, programs }) => {
    const tools = labSource('go', name, sourcesOf, 'tools.go');
    if (!existsSync(tools)) {
      // The lab's own programs are in the recipe itself.
      expect(existsSync(labSource('go', name, sourcesOf, 'main.go'))).toBe(true);
      return;
    }
    const imported = await readFile(tools, 'utf8');
    for (const program of programs) expect(imported).toContain(`_ "${program.package}"`);
  },
);
