import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { Path } from '../apis/kubexms/v1alpha1/index.js';
import { spanOf } from './position.js';

/** Where a key of a config stands, as `cluster.yaml:12`; of what is missing, the nearest thing above it. Lines count from 1. */
export async function placeOf(file: string, path: Path): Promise<string> {
  const text = await readFile(file, 'utf8');
  const { from } = spanOf(parseDocument(text), path, 'key');
  return `${file}:${text.slice(0, from).split('\n').length}`;
}
