import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { labCacheDir, labSource } from './locations.js';

test("the cache is where the user says, else where the machine's caches are", () => {
  expect(labCacheDir({ KUBEXM_LAB_CACHE: '/big/disk' })).toBe('/big/disk');
  expect(labCacheDir({ XDG_CACHE_HOME: '/var/cache/me' })).toBe('/var/cache/me/kubexm-lab');
  expect(labCacheDir({})).toMatch(/\/\.cache\/kubexm-lab$/);
});

test("finds the lab's own sources", () => {
  expect(existsSync(labSource('mirror', 'images', 'pause.c'))).toBe(true);
});
