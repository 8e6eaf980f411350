import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stepFromData } from './index.js';

/** Kinds as they stand in the sources. */
async function definedKinds(): Promise<string[]> {
  const names = await readdir(import.meta.dirname, { recursive: true });
  const sources = names.filter((name) => name.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(name));
  const texts = await Promise.all(sources.map((name) => readFile(join(import.meta.dirname, name), 'utf8')));
  return texts.flatMap((text) => [...text.matchAll(/^ {2}kind: '([^']+)'/gm)].map(([, kind = '']) => kind));
}

test('a saved plan may hold every kind of step there is', async () => {
  const kinds = await definedKinds();
  expect(kinds.length).toBeGreaterThan(25);
  for (const kind of kinds) expect(() => stepFromData({ kind, title: kind, params: {} })).not.toThrow();
});
