export {
  alarmsWithout,
  certificateDrift,
  certificateKinds,
  certificateProblems,
  certificatesSignedElsewhere,
  corruptMembers,
  corruptRunbook,
  dueLeaves,
  dueOfEtcd,
  etcdDefragReport,
  etcdSnapshotReport,
  etcdVerdict,
  forecastAdd,
  forecastAdoption,
  forecastDelete,
  forecastDeletion,
  forecastNodes,
  forecastRemove,
  forecastReplace,
  inspectRestore,
  leavingNodes,
  leavingOf,
  maxUnavailable,
  membersAmong,
  membersToMove,
  needsMembership,
  obstaclesOf,
  outOfSpace,
  preparedId,
  quorumNow,
  refuseHostsWithoutRole,
  requireWorker,
  restoreUnderWay,
  revisionBump,
  rotatable,
  rotationPass,
  rotationStages,
  rotationToEnd,
  runningVersions,
  servingHosts,
  settledKey,
  storedLines,
  strayAlarmText,
  strayNodes,
  upgradePath,
  upgradeStages,
  upgradeTurns,
  whyForeign,
  whyNoSnapshot,
} from '../module/index.js';
export { graphToDot, graphToJson, graphToMermaid, graphToText } from '../plan/index.js';
export type { RuntimeReport } from '../step/index.js';
export type {
  AdoptionObservation,
  BackupObservation,
  ClusterStatus,
  DeletionForecast,
  DrainOptions,
  EncryptionObservation,
  EtcdDefragResult,
  EtcdHealth,
  EtcdObservation,
  EtcdVerdict,
  EtcdVersions,
  Findings,
  ListedNode,
  MemberHealth,
  NodesObservation,
  ObservedCertificate,
  ObservedMember,
  PausePoint,
  PlanContext,
  RestoreFile,
  RestoreInspection,
  RestoreObservation,
  SavedEtcdSnapshot,
  UnusedImages,
  UpgradeObservation,
  UpgradeStage,
  UpgradeTurn,
} from '../task/index.js';
export { certificatesOf } from './certs/certificates.js';
export { renewCertificates } from './certs/renew.js';
export { certificatesAndRenewals } from './certs/renewals.js';
export { rotateAuthority } from './certs/rotate.js';
export { dropOldServiceAccountKeys, rotateServiceAccount } from './certs/rotate-service-account.js';
export { adoptionOf, adoptionOfCluster } from './cluster/adopt.js';
export { checkCluster } from './cluster/check.js';
export { createAndPrune, createCluster } from './cluster/create.js';
export { deletionOfCluster } from './cluster/delete.js';
export { clusterStatus } from './cluster/status.js';
export { upgradeOfCluster, upgradeStateOf } from './cluster/upgrade.js';
export type { ClusterGraph, Pipeline } from './define.js';
export { decryption, encryptionOf, rotationOfKey } from './encryption/encryption.js';
export { addEtcdMembers } from './etcd/add-member.js';
export { backupOfEtcd, etcdBackupsOf, fetchEtcdBackup } from './etcd/backup.js';
export { etcdCertificatesOf } from './etcd/certificates.js';
export { etcdHealthOf } from './etcd/health.js';
export { monitorEtcd } from './etcd/monitoring.js';
export { removeEtcdMember } from './etcd/remove-member.js';
export { renewEtcd } from './etcd/renew.js';
export { replaceEtcdMember } from './etcd/replace-member.js';
export { prepareEtcdRestore, restoreOfEtcd, restoreStateOf } from './etcd/restore.js';
export { compactEtcdTo, defragmentEtcd, recoverSpaceOfEtcd } from './etcd/space.js';
export { etcdStateBeside, etcdStateOf } from './etcd/state.js';
export { etcdVersionsOf, upgradeEtcd } from './etcd/upgrade.js';
export { pruneNodeImages, unusedImagesOf } from './node/images.js';
export { addNodesToCluster, deleteNodesOfCluster } from './node/membership.js';
export { migrateNodeRuntime, nodeRuntimeOf } from './node/migrate-runtime.js';
export { cordonNodesOf, drainNodesOf, nodesAndEtcd, nodesOf, uncordonNodesOf } from './node/nodes.js';
export { defineReading, type Reading } from './reading.js';
