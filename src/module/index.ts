import {
  applyAddons,
  checkHosts,
  fetchArtifacts,
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
  prepareOs,
  pullNodeImages,
  readApiservers,
  readEtcd,
  readEtcdCertificates,
  readStatus,
  reconcileControlPlane,
  reconcileKubelets,
  runPostInstall,
  verifyReadiness,
} from '../task/index.js';
import { defineModule } from './module.js';

export {
  backupEtcd,
  certificateProblems,
  etcdSnapshotReport,
  etcdVerdict,
  fetchBackup,
  inspectRestore,
  membersToMove,
  observeBackups,
  observeCertificates,
  observeEtcd,
  observeHealth,
  observeRestore,
  observeStatus,
  preparedId,
  prepareRestore,
  quorumNow,
  readBackups,
  readEtcd,
  readRestore,
  restoreEtcd,
  restoreUnderWay,
  revisionBump,
  whyForeign,
  whyNoSnapshot,
} from '../task/index.js';
export type { Module } from './module.js';
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

/** Looks at all hosts and fetches all artifacts; then makes the operating systems ready. */
export const preflight = defineModule('preflight', [checkHosts, fetchArtifacts]);
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
