import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generatedDocs } from './index.js';

test.each(generatedDocs())('docs/$name is what the schema says; else: node scripts/generate-config-docs.mjs', (doc) => {
  const onDisk = readFileSync(new URL(`../../docs/${doc.name}`, import.meta.url), 'utf8');
  // The formatter lays out JSON, and the columns of tables, in its own way.
  if (doc.name.endsWith('.json')) expect(JSON.parse(onDisk)).toEqual(JSON.parse(doc.content));
  else expect(unaligned(onDisk)).toBe(unaligned(doc.content));
});

function unaligned(markdown: string): string {
  return markdown.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');
}

test('every field is described', () => {
  const [reference] = generatedDocs();
  const undescribed = reference?.content.split('\n').filter((line) => line.startsWith('| `') && line.endsWith('|  |'));
  expect(undescribed).toEqual([]);
});
