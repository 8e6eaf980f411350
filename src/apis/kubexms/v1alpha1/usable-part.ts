import type { ClusterInput } from './cluster.js';
import { clusterSchema } from './cluster.js';
import type { Issue, Path } from './issue.js';
import { valueAt } from './schema-issues.js';

/** What is left of a config when everything that the schema refuses is taken out, so that the other rules can look at the rest. */
export interface UsablePart {
  readonly input: ClusterInput;
  /** Index in `input` → index in the text, for hosts were left out. */
  readonly hostIndexes: readonly number[];
  readonly hostNames: ReadonlySet<string>;
}

/** The part of `raw` that is usable without what `issues` complain about, or undefined when too little is left. */
export function usablePart(raw: unknown, issues: readonly Issue[]): UsablePart | undefined {
  const hosts = valueAt(raw, ['spec', 'hosts']);
  const allHosts: readonly unknown[] = Array.isArray(hosts) ? hosts : [];
  const copy = structuredClone(raw);
  const lost = new Set<number>();
  for (const { path } of issues) {
    const [, section, third, key] = path;
    const optionalInHost = path.length >= 4 && key !== 'name' && key !== 'address';
    if (section === 'hosts' && typeof third === 'number' && !optionalInHost) lost.add(third);
    else remove(copy, path.slice(0, section === 'hosts' ? 4 : 3));
  }
  const hostIndexes = allHosts.map((_, i) => i).filter((i) => !lost.has(i));
  const kept = valueAt(copy, ['spec', 'hosts']);
  const spec = valueAt(copy, ['spec']);
  if (Array.isArray(kept) && typeof spec === 'object' && spec !== null) {
    Object.assign(spec, { hosts: hostIndexes.map((i) => kept[i] as unknown) });
  }
  let parsed = clusterSchema.safeParse(withIdentity(copy));
  // What is left of a list may be no list any more: then the whole section goes, and not everything.
  if (!parsed.success) {
    for (const { path } of issues) if (path[1] !== 'hosts') remove(copy, path.slice(0, 2));
    parsed = clusterSchema.safeParse(withIdentity(copy));
  }
  if (!parsed.success) return undefined;
  const names = allHosts.map((host) => valueAt(host, ['name'])).filter((name) => typeof name === 'string');
  return { input: parsed.data, hostIndexes, hostNames: new Set(names) };
}

/** A missing kind or name hides nothing else. */
function withIdentity(copy: unknown): unknown {
  const name: unknown = valueAt(copy, ['metadata', 'name']);
  const spec = valueAt(copy, ['spec']);
  const metadata = { name: typeof name === 'string' ? name : 'unnamed' };
  return {
    apiVersion: 'kubexms.io/v1alpha1',
    kind: 'Cluster',
    metadata,
    spec: { roleGroups: {}, ...(spec as object) },
  };
}

function remove(document: unknown, path: Path): void {
  const parent = valueAt(document, path.slice(0, -1));
  const key = path.at(-1);
  if (typeof parent === 'object' && parent !== null && key !== undefined) Reflect.deleteProperty(parent, key);
}
