export { type EtcdDefragResult, etcdDefragReport } from '../step/index.js';
export { installCoreDns } from './addons/coredns.js';
export { applyAddons } from './addons/manifests.js';
export { verifyReadiness } from './addons/verify.js';
export {
  type AdoptionObservation,
  adoptCluster,
  forecastAdoption,
  observeAdoption,
  readAdoption,
} from './certs/adopt.js';
export {
  certificateDrift,
  certificateProblems,
  type ObservedCertificate,
  rotatable,
  rotationToEnd,
} from './certs/observe.js';
export { observeAllCertificates, readAllCertificates } from './certs/read.js';
export {
  certificateKinds,
  dueLeaves,
  dueOfEtcd,
  type RenewAll,
  renewAllCertificates,
  requireAuthorities,
} from './certs/renew.js';
export { readRenewals, renewalProblems } from './certs/renewal-state.js';
export { installRenewalTimer } from './certs/renewal-timer.js';
export {
  type RotateCa,
  type RotationPass,
  requireRotatable,
  rotateCa,
  rotationPass,
} from './certs/rotate.js';
export {
  dropServiceAccountKeys,
  requireNewTokens,
  requireServiceAccountKey,
  rotateServiceAccountKey,
} from './certs/rotate-service-account.js';
export { rotationStages } from './certs/rotation-text.js';
export { guardRuntimes } from './container-runtime/guard.js';
export { installContainerRuntime } from './container-runtime/install.js';
export type { PlanContext, Task } from './context.js';
export { readKeysToAdopt } from './encryption/adopt.js';
export { type ChangeEncryption, decryptObjects, rotateEncryptionKey } from './encryption/change.js';
export {
  type EncryptionObservation,
  observeEncryption,
  readEncryptionState,
  settledKey,
  storedLines,
} from './encryption/observe.js';
export { followEndpoint } from './endpoint/follow.js';
export { guardEndpoint } from './endpoint/guard.js';
export { raiseEndpoint } from './endpoint/raise.js';
export { type AddMembers, addMembers, beforeAdding, forecastAdd, refuseHostsWithoutRole } from './etcd/add-member.js';
export {
  type BackupObservation,
  backupEtcd,
  fetchBackup,
  observeBackups,
  readBackups,
} from './etcd/backup.js';
export { compactEtcdHistory, corruptMembers, corruptRunbook, defragEtcd } from './etcd/defrag.js';
export { guardEtcdFounding } from './etcd/founding-guard.js';
export { type EtcdHealth, type EtcdVerdict, etcdVerdict, observeHealth } from './etcd/health.js';
export { installEtcd } from './etcd/install.js';
export type { MemberHealth } from './etcd/member-health.js';
export { writeMonitoring } from './etcd/monitoring.js';
export {
  alarmsWithout,
  type EtcdObservation,
  type ObservedMember,
  observeEtcd,
  strayAlarmText,
} from './etcd/observation.js';
export { quorumNow, quorumOf, quorumWithout } from './etcd/quorum.js';
export { readApiservers } from './etcd/read-apiservers.js';
export { observeCertificates, readEtcdCertificates } from './etcd/read-certificates.js';
export { readEtcd } from './etcd/read-state.js';
export { outOfSpace, recoverEtcdSpace } from './etcd/recover-space.js';
export { beforeRemoving, forecastRemove, leavingOf, type RemoveMember, removeMember } from './etcd/remove-member.js';
export { type RenewCertificates, renewEtcdCertificates, requireEtcdCa } from './etcd/renew.js';
export { beforeReplacing, forecastReplace, type ReplaceMember, replaceMember } from './etcd/replace-member.js';
export {
  inspectRestore,
  membersToMove,
  observeRestore,
  prepareRestore,
  type RestoreFile,
  type RestoreInspection,
  type RestoreObservation,
  readRestore,
  restoreEtcd,
} from './etcd/restore.js';
export { preparedId, refuseHalfRestored, restoreUnderWay, revisionBump, whyForeign } from './etcd/restore-guards.js';
export { etcdSnapshotReport, type SavedEtcdSnapshot, snapshotFirst, whyNoSnapshot } from './etcd/snapshot.js';
export { prepareEtcdUpgrade, rollEtcdUpgrade, type UpgradeTurn, upgradeTurns } from './etcd/upgrade.js';
export { guardEtcdUpgrade } from './etcd/upgrade-guard.js';
export { type EtcdVersions, observeEtcdVersions, readEtcdVersions } from './etcd/upgrade-state.js';
export { type Findings, reported } from './findings.js';
export { initControlPlane } from './kubernetes/init-control-plane.js';
export { initHost, servingHosts } from './kubernetes/init-host.js';
export { installKubernetesBinaries } from './kubernetes/install-binaries.js';
export { joinControlPlanes, joinWorkers } from './kubernetes/join-nodes.js';
export { labelNodes } from './kubernetes/label-nodes.js';
export { kubernetesPki } from './kubernetes/pki.js';
export { pullNodeImages } from './kubernetes/pull-images.js';
export { reconcileControlPlane } from './kubernetes/reconcile-control-plane.js';
export { reconcileKubelets } from './kubernetes/reconcile-kubelets.js';
export { certificatesSignedElsewhere, requireSignedCertificates } from './kubernetes/signed-elsewhere.js';
export { artifactsReady, hostsChecked } from './milestones.js';
export { installNetwork } from './network/install.js';
export {
  type AddNodes,
  addNodes,
  beforeAddingNodes,
  forecastNodes,
  membersAmong,
  needsMembership,
} from './node/add.js';
export { beforeDeleting, type DeleteNodes, deleteNodes, forecastDelete, leavingNodes } from './node/delete.js';
export {
  beforeDraining,
  cordonNodes,
  type DrainNodes,
  type DrainOptions,
  drainNodes,
  uncordonNodes,
} from './node/drain.js';
export { observeUnused, pruneImages, readUnused, type UnusedImages } from './node/images.js';
export {
  fetchRuntime,
  type MigrateRuntime,
  migrateRuntime,
  observeNodeRuntime,
  readNodeRuntime,
} from './node/migrate-runtime.js';
export { type ListedNode, type NodesObservation, observeNodes, readNodes } from './node/nodes.js';
export { type PruneNodes, pruneNodes, strayNodes } from './node/prune.js';
export { checkHosts } from './preflight/check-hosts.js';
export { fetchArtifacts } from './preflight/fetch-artifacts.js';
export { prepareOs, runPostInstall } from './preflight/prepare-os.js';
export { requirementsOf } from './preflight/requirements.js';
export {
  type DeleteCluster,
  type DeletionForecast,
  deleteCluster,
  forecastDeletion,
  guardOwnership,
} from './reset/delete-cluster.js';
export { readStatus } from './status/read.js';
export { type ClusterStatus, observeStatus } from './status/view.js';
export { maxUnavailable } from './upgrade/max-unavailable.js';
export { observeUpgrade, readUpgradeState, runningVersions, type UpgradeObservation } from './upgrade/observation.js';
export { type Obstacles, obstaclesOf } from './upgrade/obstacles.js';
export { type PausePoint, type UpgradeStage, upgradeStages } from './upgrade/stages.js';
export { prepareUpgrade, requireWorker, rollUpgrade, type UpgradeCluster } from './upgrade/upgrade.js';
export { upgradePath } from './upgrade/version-path.js';
