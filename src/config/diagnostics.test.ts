import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadCluster, renderDiagnostic } from './index.js';

const folder = new URL('testdata/', import.meta.url);
const broken = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml.in'))
  .map((name) => name.slice(0, -'.in'.length));

test('there are broken files to look at', () => {
  expect(broken.length).toBeGreaterThan(20);
});

test.each(broken)('%s: all its problems, with their places', async (name) => {
  const { cluster, diagnostics } = loadCluster(readFileSync(new URL(`${name}.in`, folder), 'utf8'), name);
  expect(cluster === undefined).toBe(diagnostics.some(({ severity }) => severity === 'error'));
  const rendered = diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, { color: false })).join('\n\n');
  await expect(`${rendered}\n`).toMatchFileSnapshot(`testdata/${name}.out`);
});

test('no diagnostic shows a secret', () => {
  for (const name of broken) {
    const { diagnostics } = loadCluster(readFileSync(new URL(`${name}.in`, folder), 'utf8'), name);
    expect(JSON.stringify(diagnostics)).not.toMatch(/hunter|123456/);
  }
});
