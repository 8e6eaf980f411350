/** Where a restore keeps on hosts what it must not forget, until it is over. POSIX paths. */
export const etcdRestorePaths = {
  /** There as long as a restore is half done: a `RestoreMarker`. */
  marker: '/var/lib/kubexm/etcd-restore/marker.json',
  /** The snapshot as it was uploaded. */
  snapshot: '/var/lib/kubexm/etcd-restore/snapshot.db',
  /** Static pods that are to come back. */
  manifests: '/var/lib/kubexm/etcd-restore/manifests',
} as const;

/** Which restore is half done on a host. */
export interface RestoreMarker {
  /** Its time, as in the name of the directory that the old data is moved to: `20261123T140500Z`. */
  readonly id: string;
  readonly sha256: string;
  /** As the user named it. */
  readonly file: string;
}

/** Restored data that waits beside the old, or has taken its place. */
export interface PreparedRestore {
  readonly id: string;
  readonly sha256: string;
  /** etcd's initial-cluster. */
  readonly members: string;
  readonly bump: number;
  /** Of the snapshot, as `etcdutl snapshot status` says. */
  readonly revision: number;
  readonly hash: number;
  readonly keys: number;
}

/** What an etcd host shows of restores. */
export interface RestoreReport {
  readonly marker: RestoreMarker | null;
  readonly prepared: PreparedRestore | null;
  /** Ids of restores that moved data aside here. */
  readonly olds: readonly string[];
  readonly hasData: boolean;
  /** The prepared data has not been put in its place yet. */
  readonly holdsFresh: boolean;
  /** uid of the namespace kube-system in the running member; empty where it does not answer. */
  readonly uid: string;
}

/**
 * How far a restore is on an etcd host. `placed`: it has its new data; `finished`: it has forgotten the restore, and only the
 * old data tells of it.
 */
export type RestoreStage = 'untouched' | 'prepared' | 'moving' | 'placed' | 'finished';

export function restoreStage({ prepared, olds, holdsFresh }: RestoreReport, id: string): RestoreStage {
  const hasMoved = olds.includes(id);
  if (prepared?.id !== id) return hasMoved ? 'finished' : 'untouched';
  if (!holdsFresh) return 'placed';
  return hasMoved ? 'moving' : 'prepared';
}
