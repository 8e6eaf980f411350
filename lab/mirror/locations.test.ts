import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { labSource } from './locations.js';

test("finds the lab's own sources", () => {
  expect(existsSync(labSource('mirror', 'images', 'pause.c'))).toBe(true);
});
