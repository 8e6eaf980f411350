import {
  etcdRestorePaths,
  type PreparedRestore,
  type RestoreMarker,
  type RestoreReport,
} from '../../common/etcd-restore.js';
import type { EtcdSnapshot } from '../../common/etcd-snapshot.js';
import { KubexmError } from '../../errors/index.js';
import { draft, type HostName } from '../../plan/index.js';
import { guardHalfRestored, type SnapshotProbe, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole } from '../context.js';

/** etcd's own advice: more than watchers can have seen since the snapshot. */
const bumpUnit = 1_000_000_000;

/**
 * What is added to the snapshot's revision, so that nothing a client has seen lies ahead of the restored data: a later
 * restore of an older snapshot needs more than the first.
 */
export function revisionBump(snapshotRevision: number, newestKnown: number): number {
  const behind = Math.max(0, newestKnown - snapshotRevision);
  return (Math.floor(behind / bumpUnit) + 1) * bumpUnit;
}

interface HostReport {
  readonly host: HostName;
  readonly report: RestoreReport;
}

/** The restore that is half done; undefined where there is none. Throws GUARD_REFUSED where it is of another snapshot. */
export function restoreUnderWay(
  hosts: readonly { readonly host: HostName; readonly marker: RestoreMarker | null }[],
  sha256: string,
): RestoreMarker | undefined {
  const marked = hosts.flatMap(({ host, marker }) => (marker === null ? [] : [{ host, marker }]));
  const others = marked.filter(({ marker }) => marker.sha256 !== sha256);
  if (others.length > 0) {
    const [{ marker } = { marker: undefined }] = others;
    throw new KubexmError(
      'GUARD_REFUSED',
      'the restore of another snapshot is half done; this one would mix two states',
      {
        details: others.map(
          (each) => `${each.host}: ${each.marker.file}, sha256 ${each.marker.sha256}, since ${each.marker.id}`,
        ),
        hint: `end it first: kubexm etcd restore ${marker?.file ?? 'FILE'}; then restore the other one`,
        retryable: false,
      },
    );
  }
  return marked[0]?.marker;
}

/** An id under which this snapshot was prepared already and nothing was moved yet; work that need not be done again. */
export function preparedId(hosts: readonly HostReport[], sha256: string): string | undefined {
  const ids = hosts.flatMap(({ report }) => (report.prepared?.sha256 === sha256 ? [report.prepared.id] : []));
  return ids.find((id) => hosts.every(({ report }) => !report.olds.includes(id)));
}

/** Throws GUARD_REFUSED where the members did not all restore the same. */
export function requireSameData(
  prepared: readonly { readonly host: HostName; readonly data: PreparedRestore }[],
): void {
  const kinds = new Set(
    prepared.map(({ data }) => `${data.sha256} ${data.revision} ${data.hash} ${data.bump} ${data.members}`),
  );
  if (kinds.size <= 1) return;
  throw new KubexmError('GUARD_REFUSED', 'the members restored different data from the snapshot; nothing was stopped', {
    details: prepared.map(
      ({ host, data }) => `${host}: revision ${data.revision}, hash ${data.hash}, bump ${data.bump}`,
    ),
    hint: 'run the same command again; if it stays so, the etcdutl of the hosts differ',
    retryable: false,
  });
}

/** What tells whose a snapshot is. `uids`: of kube-system as running members have it, and as the work directory recorded it. */
export interface Ownership {
  readonly clusterName: string;
  readonly probe: SnapshotProbe;
  readonly metadata?: EtcdSnapshot;
  readonly uids: readonly string[];
}

/**
 * Why a snapshot is not of this cluster, or cannot be told to be; undefined where it is. The uid of kube-system decides, where
 * both sides have one; names decide where not. etcd's own cluster id says nothing: a restore changes it.
 */
export function whyForeign({ clusterName, probe, metadata, uids }: Ownership): string | undefined {
  if (probe.kubeSystemUid !== '' && uids.length > 0) {
    // After a total loss the apiservers may have begun a new one in an empty etcd: what was recorded counts as well.
    if (uids.includes(probe.kubeSystemUid)) return undefined;
    return `its kube-system has the uid ${probe.kubeSystemUid}, that of this cluster is ${uids.join(' or ')}`;
  }
  const names = [metadata?.cluster, probe.cluster].filter((name) => name !== undefined && name !== '');
  const other = names.find((name) => name !== clusterName);
  if (other !== undefined) return `it is of the cluster ${other}, this one is ${clusterName}`;
  return names.length > 0 ? undefined : 'neither its metadata nor its content say of which cluster it is';
}

/**
 * Nothing but the restore itself works on a cluster whose etcd is half restored: it would work on two states at once. Throws
 * where that is known already, and has the hosts asked again in the run.
 */
export const refuseHalfRestored = defineTask('half-restored', (ctx) => {
  const marked = [...ctx.facts].filter(([, { leftovers }]) => leftovers.includes(etcdRestorePaths.marker));
  if (marked.length > 0) {
    const hosts = marked.map(([host]) => host).join(', ');
    throw new KubexmError('GUARD_REFUSED', `a restore of etcd is half done on ${hosts}`, {
      hint: `end it first, with the same snapshot: kubexm etcd restore FILE (${etcdRestorePaths.marker} there names it)`,
      retryable: false,
    });
  }
  const g = draft<StepContext>('half-restored');
  const hosts = [...new Set([...hostsWithRole(ctx, 'control-plane'), ...hostsWithRole(ctx, 'etcd')])];
  if (ctx.cluster.spec.etcd.type === 'kubexm')
    g.add(
      'marker',
      hosts.filter((host) => ctx.facts.has(host)),
      guardHalfRestored({}),
    );
  return g.done();
});
