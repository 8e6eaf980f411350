import { isArray } from './json.js';
import type { Json, Output } from './types.js';

/** A handle for a value that a step learns at run time; declare its id in the writer's `writes` and put it into the reader's params. */
export function output<T extends Json>(id: string): Output<T> {
  return Object.freeze({ $output: id });
}

/** Ids of the outputs that stand anywhere in a step's params. */
export function outputsIn(params: Json): readonly string[] {
  const found = new Set<string>();
  const open: Json[] = [params];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (isArray(value)) {
      for (const item of value) open.push(item);
      continue;
    }
    const id = value.$output;
    if (typeof id === 'string') {
      found.add(id);
      continue;
    }
    for (const item of Object.values(value)) if (item !== undefined) open.push(item);
  }
  return [...found];
}
