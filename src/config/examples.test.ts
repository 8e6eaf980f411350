import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { clusterJsonSchema, clusterTemplate, loadCluster, renderDiagnostic, showCluster } from './index.js';

const folder = new URL('../../examples/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const texts = new Map([
  ...files.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const),
  ['config init', clusterTemplate()] as const,
]);

function load(text: string): Cluster {
  const { cluster, diagnostics } = loadCluster(text, 'examples/cluster.yaml');
  expect(diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, { color: false }))).toEqual([]);
  if (cluster === undefined) throw new Error('no cluster');
  return cluster;
}

test('there are examples to look at', () => {
  expect(files.length).toBeGreaterThanOrEqual(7);
});

describe.each([...texts])('%s', (_, text) => {
  test('is valid without a warning', () => {
    load(text);
  });

  test('the JSON Schema accepts it', () => {
    const schema = z.fromJSONSchema(clusterJsonSchema());
    expect(schema.safeParse(parse(text)).error).toBeUndefined();
  });

  test('shown with all defaults, it reads back to the same cluster', () => {
    const cluster = load(text);
    // Paths beside the config were expanded once already.
    const again = loadCluster(showCluster(cluster), 'cluster.yaml');
    expect(again.diagnostics).toEqual([]);
    expect(again.cluster).toEqual(cluster);
  });
});

test('the JSON Schema refuses unknown keys', () => {
  const schema = z.fromJSONSchema(clusterJsonSchema());
  expect(schema.safeParse({ ...(parse(clusterTemplate()) as object), metdata: {} }).success).toBe(false);
});
