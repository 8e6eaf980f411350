import { backupEtcd, defineModule, fetchBackup, observeBackups, readBackups } from '../../module/index.js';
import type { BackupObservation } from '../../task/index.js';
import { definePipeline, type Pipeline } from '../define.js';
import { defineReading, type Reading } from '../reading.js';

/** A verified snapshot on a member and on the control machine. */
export const backupOfEtcd = (...params: Parameters<typeof backupEtcd>): Pipeline =>
  definePipeline('backup-etcd', { gate: defineModule('etcd', [backupEtcd(...params)]), modules: [] });

/** Which backups lie on the members, also where some are down. */
export const etcdBackupsOf = (options: { readonly digests?: boolean } = {}): Reading<BackupObservation> =>
  defineReading('etcd-backups', defineModule('etcd-backups', [readBackups(options)]), observeBackups);

/** Brings a snapshot of a member to the control machine. */
export const fetchEtcdBackup = (...params: Parameters<typeof fetchBackup>): Pipeline =>
  definePipeline('fetch-etcd-backup', { gate: defineModule('etcd', [fetchBackup(...params)]), modules: [] });
