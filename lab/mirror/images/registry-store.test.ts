import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { blobPath, layerLink, manifestLinks, storeImage, storeLayer } from './registry-store.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kubexm-registry-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

test("an image is found by tag, by digest and by its blobs, as the registry's filesystem driver looks for them", async () => {
  await writeFile(join(root, 'layer.tar'), 'layer');
  const layer = await storeLayer(root, join(root, 'layer.tar'));
  await storeImage(root, {
    repository: 'coredns/coredns',
    tag: 'v1.14.7',
    architecture: 'amd64',
    config: { Env: [] },
    layers: [layer],
  });
  const tag = 'docker/registry/v2/repositories/coredns/coredns/_manifests/tags/v1.14.7/current/link';
  const digest = await readFile(join(root, tag), 'utf8');
  for (const link of manifestLinks('coredns/coredns', 'v1.14.7', digest)) {
    expect(await readFile(join(root, link), 'utf8')).toBe(digest);
  }
  const manifest = JSON.parse(await readFile(join(root, blobPath(digest)), 'utf8'));
  expect(manifest.layers).toEqual([layer]);
  for (const blob of [manifest.config.digest, layer.digest]) {
    expect(await readFile(join(root, layerLink('coredns/coredns', blob)), 'utf8')).toBe(blob);
  }
  expect(await readFile(join(root, blobPath(layer.digest)), 'utf8')).toBe('layer');
});
