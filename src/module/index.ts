import {
  applyAddons,
  checkHosts,
  compactEtcdHistory,
  defragEtcd,
  type EtcdVersions,
  fetchArtifacts,
  followEndpoint,
  guardEndpoint,
  guardEtcdFounding,
  guardEtcdUpgrade,
  guardRuntimes,
  initControlPlane,
  installContainerRuntime,
  installCoreDns,
  installEtcd,
  installKubernetesBinaries,
  installNetwork,
  installRenewalTimer,
  joinControlPlanes,
  joinWorkers,
  kubernetesPki,
  labelNodes,
  prepareEtcdUpgrade,
  prepareOs,
  pullNodeImages,
  type RenewCertificates,
  raiseEndpoint,
  readAllCertificates,
  readApiservers,
  readBackups,
  readEtcd,
  readEtcdCertificates,
  readEtcdVersions,
  readRenewals,
  readStatus,
  reconcileControlPlane,
  reconcileKubelets,
  recoverEtcdSpace,
  refuseHalfRestored,
  renewEtcdCertificates,
  requireEtcdCa,
  requireSignedCertificates,
  rollEtcdUpgrade,
  runPostInstall,
  verifyReadiness,
  writeMonitoring,
} from '../task/index.js';
import { defineModule } from './module.js';

export type { RenewCertificates } from '../task/index.js';
export {
  type AddMembers,
  type AddNodes,
  type AdoptionObservation,
  addMembers,
  addNodes,
  adoptCluster,
  alarmsWithout,
  backupEtcd,
  beforeAdding,
  beforeAddingNodes,
  beforeDeleting,
  beforeDraining,
  beforeRemoving,
  beforeReplacing,
  type ChangeEncryption,
  certificateDrift,
  certificateKinds,
  certificateProblems,
  certificatesSignedElsewhere,
  checkHosts,
  cordonNodes,
  corruptMembers,
  corruptRunbook,
  type DeleteCluster,
  type DeleteNodes,
  type DrainNodes,
  decryptObjects,
  deleteCluster,
  deleteNodes,
  drainNodes,
  dropServiceAccountKeys,
  dueLeaves,
  dueOfEtcd,
  type EncryptionObservation,
  type EtcdVersions,
  etcdDefragReport,
  etcdSnapshotReport,
  etcdVerdict,
  fetchBackup,
  fetchRuntime,
  forecastAdd,
  forecastAdoption,
  forecastDelete,
  forecastDeletion,
  forecastNodes,
  forecastRemove,
  forecastReplace,
  guardOwnership,
  inspectRestore,
  leavingNodes,
  leavingOf,
  maxUnavailable,
  membersAmong,
  membersToMove,
  migrateRuntime,
  needsMembership,
  observeAdoption,
  observeAllCertificates,
  observeBackups,
  observeCertificates,
  observeEncryption,
  observeEtcd,
  observeEtcdVersions,
  observeHealth,
  observeNodeRuntime,
  observeNodes,
  observeRestore,
  observeStatus,
  observeUnused,
  observeUpgrade,
  obstaclesOf,
  outOfSpace,
  type PruneNodes,
  preparedId,
  prepareRestore,
  prepareUpgrade,
  pruneImages,
  pruneNodes,
  quorumNow,
  type RemoveMember,
  type RenewAll,
  type ReplaceMember,
  type RotateCa,
  readAdoption,
  readAllCertificates,
  readBackups,
  readEncryptionState,
  readEtcd,
  readKeysToAdopt,
  readNodeRuntime,
  readNodes,
  readRenewals,
  readRestore,
  readUnused,
  readUpgradeState,
  refuseHostsWithoutRole,
  removeMember,
  renewAllCertificates,
  renewalProblems,
  replaceMember,
  requireAuthorities,
  requireNewTokens,
  requireRotatable,
  requireServiceAccountKey,
  requireWorker,
  restoreEtcd,
  restoreUnderWay,
  revisionBump,
  rollUpgrade,
  rotatable,
  rotateCa,
  rotateEncryptionKey,
  rotateServiceAccountKey,
  rotationPass,
  rotationStages,
  rotationToEnd,
  runningVersions,
  servingHosts,
  settledKey,
  storedLines,
  strayAlarmText,
  strayNodes,
  type UpgradeCluster,
  uncordonNodes,
  upgradePath,
  upgradeStages,
  upgradeTurns,
  whyForeign,
  whyNoSnapshot,
} from '../task/index.js';
export type { Module } from './module.js';
export { defineModule } from './module.js';

/** Looks at all hosts and fetches all artifacts; then makes the operating systems ready. */
export const preflight = defineModule('preflight', [
  checkHosts,
  requireSignedCertificates,
  guardEtcdFounding,
  guardEtcdUpgrade,
  guardEndpoint,
  guardRuntimes,
  fetchArtifacts,
]);
/** The first half of preflight, of the hosts that answer. */
export const hostChecks = defineModule('preflight', [checkHosts]);
/** Kernel, names, swap, packages. */
export const baseline = defineModule('baseline', [prepareOs]);
/** Container runtime beside etcd. */
export const infrastructure = defineModule('infrastructure', [installContainerRuntime, installEtcd]);
/** kubelet and kubeadm everywhere, images, CAs, the first control plane and the others. */
export const controlPlane = defineModule('control-plane', [
  installKubernetesBinaries,
  kubernetesPki,
  pullNodeImages,
  initControlPlane,
  reconcileControlPlane,
  joinControlPlanes,
]);
/** What stands before the API servers, and everybody who is to find it there. */
export const endpoint = defineModule('endpoint', [raiseEndpoint, followEndpoint]);
export const network = defineModule('network', [installNetwork]);
export const worker = defineModule('worker', [joinWorkers]);
/** What nodes run with and are called, the user's manifests, and the proof that everything works. */
export const addons = defineModule('addons', [
  reconcileKubelets,
  labelNodes,
  installRenewalTimer,
  installCoreDns,
  applyAddons,
  runPostInstall,
  verifyReadiness,
]);
/** Reads, for `cluster status`. */
export const status = defineModule('status', [readStatus, readEtcd, readRenewals]);
/** Members, their state, alarms. */
export const etcdState = defineModule('etcd-state', [readEtcd]);
/** Members with all that hangs on them. */
export const etcdHealth = defineModule('etcd-health', [readEtcd, readEtcdCertificates, readApiservers, readBackups()]);
export const certificateReads = defineModule('certificates', [readAllCertificates]);
export const etcdCertificateReads = defineModule('etcd-certificates', [readEtcdCertificates]);
/** The CA of this machine, before anything is signed with it. */
export const etcdCa = defineModule('etcd-ca', [requireEtcdCa]);
export const etcdCertificateRenewal = (params: RenewCertificates) =>
  defineModule('certificates', [renewEtcdCertificates(params)]);
/** Members, and the programs in place on their hosts. */
export const etcdVersions = defineModule('etcd-versions', [readEtcd, readEtcdVersions]);
/** Of whatever works on etcd, before anything else. */
export const etcdGuard = defineModule('guard', [refuseHalfRestored]);
/** Whatever an upgrade of etcd needs before the first member stops. */
export const etcdUpgradePreparation = (params: UpgradeParams) =>
  defineModule('prepare', [refuseHalfRestored, prepareEtcdUpgrade(params)]);
/** One member after the other. */
export const etcdMemberUpgrades = (params: UpgradeParams) => defineModule('members', [rollEtcdUpgrade(params)]);

export const etcdDefragmentation = (params: Parameters<typeof defragEtcd>[0]) =>
  defineModule('members', [defragEtcd(params)]);
export const etcdCompaction = (params: Parameters<typeof compactEtcdHistory>[0]) =>
  defineModule('history', [compactEtcdHistory(params)]);
/** Out of the alarm NOSPACE. */
export const etcdSpaceRecovery = (params: Parameters<typeof recoverEtcdSpace>[0]) =>
  defineModule('space', [recoverEtcdSpace(params)]);

interface UpgradeParams {
  readonly observed: EtcdVersions;
  readonly to: string;
}
/** Files for Prometheus and Grafana on the control machine. */
export const etcdMonitoring = (params: { readonly dir: string }) =>
  defineModule('etcd-monitoring', [writeMonitoring(params)]);
