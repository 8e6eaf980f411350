interface Tree {
  readonly [key: string]: unknown;
}

/** Lays `over` upon `base`: objects are merged key by key, everything else (arrays too) is replaced. */
export function deepMerge(base: Tree, over: Tree): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isTree(before) && isTree(value) ? deepMerge(before, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
