import { join } from 'node:path';
import type { EtcdSnapshot } from '../../common/etcd-snapshot.js';
import { KubexmError } from '../../errors/index.js';
import { draft, type HostName } from '../../plan/index.js';
import {
  type EtcdBackupReport,
  fetchEtcdSnapshot,
  type HostSnapshot,
  readBackupState,
  type StepContext,
} from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext, type Task } from '../context.js';
import { type Findings, reported } from '../findings.js';
import type { EtcdObservation } from './observation.js';
import { snapshotFirst } from './snapshot.js';

const etcdBackupReport = 'etcd:backups';

/** What the members know of the backups on them. */
export interface BackupObservation {
  readonly hosts: readonly ({ readonly host: HostName } & EtcdBackupReport)[];
  /** Hosts of the role etcd that were not asked or did not answer: what lies there is unknown. */
  readonly unknown: readonly HostName[];
  readonly failures: Findings['failures'];
}

/** `etcd backup`: a snapshot and nothing else. */
export function backupEtcd(observed: EtcdObservation, options: { readonly copyTo?: string }): Task {
  return defineTask('backup', (ctx) => snapshotFirst(ctx, observed, options));
}

/** Asks the members that answer for their backups. `digests`: each file is read whole. */
export function readBackups({ digests = false }: { readonly digests?: boolean } = {}): Task {
  return defineTask('read-backups', (ctx) => {
    const { etcd } = ctx.cluster.spec;
    const g = draft<StepContext>('read-backups');
    if (etcd.type === 'external') return g.done();
    g.add(
      'backups',
      hostsWithRole(ctx, 'etcd').filter((host) => ctx.facts.has(host)),
      readBackupState({ report: etcdBackupReport, cluster: ctx.cluster.metadata.name, dir: etcd.backup.dir, digests }),
    );
    return g.done();
  });
}

/** Puts together what the members said of their backups. */
export function observeBackups(ctx: PlanContext, findings: Findings): BackupObservation {
  const hosts = reported<EtcdBackupReport>(findings, etcdBackupReport).map(({ host, data }) => ({ host, ...data }));
  const wanted = ctx.cluster.spec.etcd.type === 'external' ? [] : hostsWithRole(ctx, 'etcd');
  return {
    hosts,
    unknown: wanted.filter((name) => !hosts.some(({ host }) => host === name)),
    failures: findings.failures,
  };
}

/** Brings a snapshot that lies on a member to the control machine. */
export function fetchBackup({ host, snapshot }: { readonly host: HostName; readonly snapshot: HostSnapshot }): Task {
  return defineTask('fetch-backup', (ctx) => {
    const g = draft<StepContext>('fetch-backup');
    const { path, intact, ...metadata } = snapshot;
    if (!intact)
      throw new KubexmError('GUARD_REFUSED', `${path} on ${host} is not what its metadata says`, { retryable: false });
    const localPath = backupPath(ctx, metadata);
    g.add('fetch', [host], fetchEtcdSnapshot({ snapshot: metadata, path, localPath }));
    return g.done();
  });
}

/** Where a snapshot lies on the control machine. */
function backupPath({ workDirs }: PlanContext, { name }: EtcdSnapshot): string {
  return join(workDirs.etcdBackupsDir, `${name}.db`);
}
