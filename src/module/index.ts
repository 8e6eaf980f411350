import {
  applyAddons,
  checkHosts,
  type EtcdVersions,
  fetchArtifacts,
  guardEtcdUpgrade,
  initControlPlane,
  installContainerRuntime,
  installCoreDns,
  installEtcd,
  installKubernetesBinaries,
  installNetwork,
  joinControlPlanes,
  joinWorkers,
  kubernetesPki,
  labelNodes,
  prepareEtcdUpgrade,
  prepareOs,
  pullNodeImages,
  readApiservers,
  readEtcd,
  readEtcdVersions,
  readEtcdCertificates,
  readStatus,
  type RenewCertificates,
  renewEtcdCertificates,
  requireEtcdCa,
  reconcileControlPlane,
  reconcileKubelets,
  rollEtcdUpgrade,
  runPostInstall,
  verifyReadiness,
} from '../task/index.js';
import { defineModule } from './module.js';

export {
  backupEtcd,
  etcdSnapshotReport,
  fetchBackup,
  inspectRestore,
  membersToMove,
  observeBackups,
  observeRestore,
  preparedId,
  prepareRestore,
  readBackups,
  readEtcd,
  readRestore,
  restoreEtcd,
  restoreUnderWay,
  revisionBump,
  whyForeign,
  whyNoSnapshot,
} from '../task/index.js';
export {
  checkHosts,
  fetchRuntime,
  migrateRuntime,
  observeNodeRuntime,
  observeUnused,
  pruneImages,
  readNodeRuntime,
  readUnused,
} from '../task/index.js';
export { defineModule } from './module.js';

export {
  certificateProblems,
  etcdVerdict,
  observeCertificates,
  observeEtcd,
  observeEtcdVersions,
  observeHealth,
  observeStatus,
  quorumNow,
} from '../task/index.js';
export { type EtcdVersions, upgradeTurns } from '../task/index.js';
export {
  type AddMembers,
  addMembers,
  beforeAdding,
  beforeRemoving,
  beforeReplacing,
  forecastAdd,
  forecastRemove,
  forecastReplace,
  leavingOf,
  type RemoveMember,
  type ReplaceMember,
  refuseHostsWithoutRole,
  removeMember,
  replaceMember,
} from '../task/index.js';
export type { Module } from './module.js';

/** Looks at all hosts and fetches all artifacts; then makes the operating systems ready. */
export const preflight = defineModule('preflight', [checkHosts, guardEtcdUpgrade, fetchArtifacts]);
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
export const network = defineModule('network', [installNetwork]);
export const worker = defineModule('worker', [joinWorkers]);
/** What nodes run with and are called, the user's manifests, and the proof that everything works. */
export const addons = defineModule('addons', [
  reconcileKubelets,
  labelNodes,
  installCoreDns,
  applyAddons,
  runPostInstall,
  verifyReadiness,
]);
/** Reads, for `cluster status`. */
export const status = defineModule('status', [readStatus, readEtcd]);
/** Members, their state, alarms. */
export const etcdState = defineModule('etcd-state', [readEtcd]);
/** Members with all that hangs on them. */
export const etcdHealth = defineModule('etcd-health', [readEtcd, readEtcdCertificates, readApiservers]);
export const etcdCertificateReads = defineModule('etcd-certificates', [readEtcdCertificates]);
/** The CA of this machine, before anything is signed with it. */
export const etcdCa = defineModule('etcd-ca', [requireEtcdCa]);
export const etcdCertificateRenewal = (params: RenewCertificates) =>
  defineModule('certificates', [renewEtcdCertificates(params)]);
/** Members, and the programs in place on their hosts. */
export const etcdVersions = defineModule('etcd-versions', [readEtcd, readEtcdVersions]);
/** Whatever an upgrade of etcd needs before the first member stops. */
export const etcdUpgradePreparation = (params: UpgradeParams) => defineModule('prepare', [prepareEtcdUpgrade(params)]);
/** One member after the other. */
export const etcdMemberUpgrades = (params: UpgradeParams) => defineModule('members', [rollEtcdUpgrade(params)]);

interface UpgradeParams {
  readonly observed: EtcdVersions;
  readonly to: string;
}
