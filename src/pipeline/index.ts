export { certificateProblems, etcdVerdict, quorumNow, upgradeTurns } from '../module/index.js';
export type {
  ClusterStatus,
  EtcdHealth,
  EtcdObservation,
  EtcdVerdict,
  EtcdVersions,
  Findings,
  MemberHealth,
  ObservedCertificate,
  ObservedMember,
  PlanContext,
  UpgradeTurn,
} from '../task/index.js';
export { graphToDot, graphToJson, graphToMermaid, graphToText } from '../plan/index.js';
export { checkCluster } from './cluster/check.js';
export { createCluster } from './cluster/create.js';
export { clusterStatus } from './cluster/status.js';
export type { ClusterGraph, Pipeline } from './define.js';
export { backupOfEtcd, etcdBackupsOf, fetchEtcdBackup } from './etcd/backup.js';
export { etcdCertificatesOf } from './etcd/certificates.js';
export { etcdHealthOf } from './etcd/health.js';
export { addEtcdMembers } from './etcd/add-member.js';
export { removeEtcdMember } from './etcd/remove-member.js';
export { replaceEtcdMember } from './etcd/replace-member.js';
export {
  forecastAdd,
  forecastRemove,
  forecastReplace,
  leavingOf,
  refuseHostsWithoutRole,
} from '../module/index.js';
export { etcdStateOf } from './etcd/state.js';
export { etcdVersionsOf, upgradeEtcd } from './etcd/upgrade.js';
export { prepareEtcdRestore, restoreOfEtcd, restoreStateOf } from './etcd/restore.js';
export {
  etcdSnapshotReport,
  inspectRestore,
  membersToMove,
  preparedId,
  restoreUnderWay,
  revisionBump,
  whyForeign,
  whyNoSnapshot,
} from '../module/index.js';
export type { RestoreFile, RestoreInspection, RestoreObservation } from '../task/index.js';
export type { BackupObservation, SavedEtcdSnapshot } from '../task/index.js';
export { migrateNodeRuntime, nodeRuntimeOf } from './node/migrate-runtime.js';
export { pruneNodeImages, unusedImagesOf } from './node/images.js';
export type { UnusedImages } from '../task/index.js';
export type { RuntimeReport } from '../step/index.js';
export { defineReading, type Reading } from './reading.js';
