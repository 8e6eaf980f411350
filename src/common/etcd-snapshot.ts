/** What is known of a snapshot of etcd: the JSON file beside it, written by templates/etcd/backup.sh. */
export interface EtcdSnapshot {
  readonly writtenBy: 'kubexm';
  /** `schedule`: by the timer of a member; `command`: by kubexm, which keeps a copy on the control machine. */
  readonly kind: 'schedule' | 'command';
  /** Name of its files without `.db` and `.json`: `etcd-<cluster>-<UTC time>-rev<revision>`. */
  readonly name: string;
  /** `metadata.name` of the config. */
  readonly cluster: string;
  /** etcd's own, hexadecimal. A restore gives a new one. */
  readonly clusterId: string;
  readonly member: string;
  readonly memberId: string;
  readonly etcdVersion: string;
  readonly kubernetesVersion: string;
  /** uid of the namespace kube-system: the identity of the cluster, before and after restores. Empty: it could not be read. */
  readonly kubeSystemUid: string;
  readonly revision: number;
  /** As `etcdutl snapshot status` says. */
  readonly hash: number;
  readonly keys: number;
  /** Of the file, in bytes. */
  readonly size: number;
  readonly sha256: string;
  /** ISO 8601, UTC. */
  readonly time: string;
}

/** The metadata in a text; undefined where it is none of kubexm's. */
export function parseEtcdSnapshot(text: string): EtcdSnapshot | undefined {
  try {
    const parsed = JSON.parse(text) as Partial<EtcdSnapshot>;
    const { writtenBy, name, cluster, revision, size, sha256, time } = parsed;
    const texts = [name, cluster, sha256, time].every((value) => typeof value === 'string' && value !== '');
    const numbers = [revision, size].every((value) => typeof value === 'number');
    return writtenBy === 'kubexm' && texts && numbers ? (parsed as EtcdSnapshot) : undefined;
  } catch {
    return undefined;
  }
}

/** The timer that makes snapshots on the members, and where it notes its last success. POSIX paths. */
export const etcdBackupTimer = {
  timer: 'kubexm-etcd-backup.timer',
  service: 'kubexm-etcd-backup.service',
  script: '/usr/local/sbin/kubexm-etcd-backup',
  state: '/var/lib/kubexm/etcd-backup.json',
} as const;
