import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { placeOf } from './line.js';

test('a key is named by its line, a missing one by the nearest above it', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'kubexm-line-')), 'cluster.yaml');
  await writeFile(file, 'kind: Cluster\nspec:\n  etcd:\n    # pinned\n    version: v3.5.35\n');
  expect(await placeOf(file, ['spec', 'etcd', 'version'])).toBe(`${file}:5`);
  expect(await placeOf(file, ['spec', 'etcd', 'dataDir'])).toBe(`${file}:3`);
});
