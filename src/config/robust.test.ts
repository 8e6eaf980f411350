import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadCluster } from './index.js';

const folder = new URL('../../examples/', import.meta.url);
const texts = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));

/** An example with a piece of it replaced by something else. */
const damaged = fc
  .tuple(
    fc.constantFrom(...texts),
    fc.nat(),
    fc.nat(12),
    fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom('', ':', '- ', '\n', '{', ']', '*x', '&x ', '<<: 1', '"', 'null', '~', '01', '\t'),
    ),
  )
  .map(([text, position, length, inserted]) => {
    const at = position % text.length;
    return `${text.slice(0, at)}${inserted}${text.slice(at + length)}`;
  });

test('whatever the text: a cluster or an error, never neither, and every place is in the text', () => {
  fc.assert(
    fc.property(damaged, (text) => {
      const { cluster, diagnostics } = loadCluster(text, 'cluster.yaml');
      expect(cluster === undefined).toBe(diagnostics.some(({ severity }) => severity === 'error'));
      const lines = text.split('\n');
      for (const { line, column, message } of diagnostics) {
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(message).not.toMatch(/^Invalid|undefined|\[object/);
      }
    }),
    { numRuns: 400 },
  );
});

test('aliases that multiply do not fill the memory', () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) => `x${i + 1}: &x${i + 1} [${Array.from({ length: 9 }, () => `*x${i}`).join(', ')}]`,
  );
  const { cluster, diagnostics } = loadCluster(`x0: &x0 [a]\n${levels.join('\n')}\n`, 'cluster.yaml');
  expect(cluster).toBeUndefined();
  expect(diagnostics[0]?.message).toContain('alias');
});
