import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EtcdSnapshot, parseEtcdSnapshot } from '../../common/etcd-snapshot.js';

/** The snapshots in a directory of this machine that have kubexm's metadata; others are nobody's business. */
export async function keptSnapshots(directory: string): Promise<readonly EtcdSnapshot[]> {
  const names = (await readdir(directory)).filter((name) => name.startsWith('etcd-') && name.endsWith('.json'));
  const found = await Promise.all(
    names.map(async (name) => {
      const snapshot = parseEtcdSnapshot(await readFile(join(directory, name), 'utf8'));
      return snapshot !== undefined && `${snapshot.name}.json` === name ? [snapshot] : [];
    }),
  );
  return found.flat();
}

/** All but the newest `keep` of a cluster and a kind. */
export function surplusSnapshots(
  snapshots: readonly EtcdSnapshot[],
  { cluster, kind, keep }: Pick<EtcdSnapshot, 'cluster' | 'kind'> & { readonly keep: number },
): readonly EtcdSnapshot[] {
  return snapshots
    .filter((each) => each.cluster === cluster && each.kind === kind)
    .sort((a, b) => b.time.localeCompare(a.time) || b.revision - a.revision)
    .slice(keep);
}
