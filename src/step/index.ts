export { type HostFacts, type PackageManager, sh } from '../runner/index.js';
export { extractArchive } from './common/archive.js';
export { command } from './common/command.js';
export { downloadFile } from './common/download-file.js';
export type { DownloadFile, ExpectedChecksum } from './common/download-file-params.js';
export { renderTemplate, uploadFile, writeFile } from './common/file.js';
export { modprobe, sysctl } from './common/kernel.js';
export { addPackageRepository, type PackageRepository } from './common/package-repository.js';
export { installPackage, removePackage, updatePackageCache } from './common/packages.js';
export type * from './common/params.js';
export { fileChecksum, makeDirectory, removeFile } from './common/path.js';
export { removeStrayFiles } from './common/stray-files.js';
export { configureHostsFile, disableSwap, setHostname, setTimezone } from './common/system.js';
export { configureTimeServers, type TimeInSync, type TimeServers, timeInSync } from './common/time-servers.js';
export { type WaitForFile, waitForFile } from './common/wait-for-file.js';
export { type WipeDirectory, wipeDirectory } from './common/wipe.js';
export type * from './context.js';
export { type StepData, type StepFactory, type StepOverrides, stepFromData } from './define.js';
export * from './encryption/index.js';
export type { EtcdAlarm } from './etcd/alarm-list.js';
export { disarmEtcd, forgetEtcdAlarms, proveEtcdWrites, requireEtcdRoom } from './etcd/alarms.js';
export { type EtcdBackupReport, type HostSnapshot, readBackupState } from './etcd/backup-state.js';
export { compactEtcd } from './etcd/compact.js';
export { defragEtcdMember, type EtcdDefragResult, etcdDefragReport } from './etcd/defrag.js';
export type { EtcdMember } from './etcd/etcdctl.js';
export { guardEtcdFounder } from './etcd/founder-guard.js';
export { type CheckEtcdHealth, checkEtcdHealth } from './etcd/health.js';
export type { EtcdPeer } from './etcd/leader.js';
export { addEtcdLearner, promoteEtcdMember } from './etcd/members.js';
export { type AssumedEtcdMember, checkEtcdMembers } from './etcd/members-assumed.js';
export { writeEtcdConfig } from './etcd/members-config.js';
export { clearEtcdData, removeEtcdMember } from './etcd/members-remove.js';
export { type EtcdEndpointState, type EtcdStateReport, type ReadEtcdState, readEtcdState } from './etcd/read-state.js';
export { type ReconfigureEtcdMember, reconfigureEtcdMember } from './etcd/reconfigure.js';
export {
  checkRestoredKeys,
  finishEtcdRestore,
  prepareEtcdRestore,
  probeEtcdSnapshot,
  readRestoreState,
  restoreReports,
  type SnapshotProbe,
  swapEtcdData,
} from './etcd/restore.js';
export { guardHalfRestored } from './etcd/restore-guard.js';
export { parkStaticPods, readRestoreMarker, unparkStaticPods } from './etcd/restore-static-pods.js';
export { verifyRestored } from './etcd/restore-verify.js';
export { requireRestoreRoom } from './etcd/room.js';
export { checkAccepted, checkServed } from './etcd/served.js';
export { etcdSnapshotReport, fetchEtcdSnapshot, type SavedEtcdSnapshot, saveEtcdSnapshot } from './etcd/snapshot.js';
export { type UpgradeEtcdMember, upgradeEtcdMember } from './etcd/upgrade.js';
export { type EtcdProgramsReport, guardEtcdVersion, readEtcdPrograms } from './etcd/upgrade-state.js';
export { checkApiServed } from './kube/api-served.js';
export { type ClearShims, clearShims } from './kube/clear-shims.js';
export {
  clusterInfoCa,
  formerCaUnpublished,
  frontProxyPublished,
  podsTrust,
  warnOfCopies,
} from './kube/cluster-ca.js';
export { type UploadKubeadmConfig, uploadKubeadmConfig } from './kube/config-maps.js';
export { type CriReady, criReady, type PullImages, pullImages } from './kube/cri.js';
export { type DeleteNode, deleteNode } from './kube/delete-node.js';
export { removeDockerNetwork } from './kube/docker-network.js';
export { type CordonNode, cordonNode, type DrainNode, drainNode, guardDrain, uncordonNode } from './kube/drain.js';
export { type EndpointAnswers, endpointAnswers } from './kube/endpoint-answers.js';
export { guardEtcdServers } from './kube/etcd-servers.js';
export {
  discoveryFile,
  type KubeadmAddon,
  type KubeadmInit,
  type KubeadmJoin,
  kubeadmAddon,
  kubeadmInit,
  kubeadmJoin,
  type NodeCredentials,
} from './kube/kubeadm.js';
export { kubeletInputs, staticPodInputs } from './kube/kubeadm-documents.js';
export { applyBootstrapToken, type BootstrapToken, type KubectlApply, kubectlApply } from './kube/kubectl.js';
export { type ReconcileKubelet, reconcileKubelet } from './kube/kubelet.js';
export { kubeletClient } from './kube/kubelet-client.js';
export { kubeletsAccept, kubeletsReport } from './kube/kubelets.js';
export {
  type PlaceKubernetesProgram,
  placeKubernetesTool,
} from './kube/kubernetes-programs.js';
export {
  type ReadUnusedImages,
  type RemoveImages,
  readUnusedImages,
  removeImages,
  type UnusedImage,
} from './kube/node-images.js';
export { type NodeReady, nodeReady } from './kube/node-ready.js';
export {
  type NodeMetadata,
  type NodeObject,
  nodeDifference,
  type ReconcileNodes,
  reconcileNodes,
  type TaintSpec,
} from './kube/nodes.js';
export { type PlaceStaticPod, placeStaticPod } from './kube/own-static-pod.js';
export { type RefreshPodHosts, refreshPodHosts } from './kube/pod-hosts.js';
export { budgetsOf, isKept, podsToEvict } from './kube/pods-to-evict.js';
export { type ApiserverReport, readApiserver } from './kube/read-apiserver.js';
export { readObjects } from './kube/read-cluster.js';
export { type ReadRuntime, type RuntimeReport, readRuntime } from './kube/read-runtime.js';
export { type CustomApi, readStoredApis, type StoredApi, type StoredApis } from './kube/read-stored-apis.js';
export {
  type DeprecatedApi,
  type NodeVersionsReport,
  readDeprecatedApis,
  readNodeVersions,
  readUpgradeObjects,
  type UpgradeObjects,
} from './kube/read-upgrade.js';
export { type RemovePods, removePods } from './kube/remove-pods.js';
export { restartStaticPod } from './kube/restart-static-pod.js';
export { type SameEndpoint, sameEndpoint } from './kube/same-endpoint.js';
export { type SameRuntime, sameRuntime } from './kube/same-runtime.js';
export { sameVersion } from './kube/same-version.js';
export { type ReconcileServingCertificate, reconcileServingCertificate } from './kube/serving-certificate.js';
export { type AddServingChain, addServingChain } from './kube/serving-chain.js';
export { placeServingPair } from './kube/serving-pair.js';
export { type ReconcileStaticPods, reconcileStaticPods } from './kube/static-pods.js';
export { type UpgradeControlPlane, upgradeControlPlane } from './kube/upgrade-control-plane.js';
export { settleKubelet, type UpgradeKubelet, upgradeKubelet } from './kube/upgrade-kubelet.js';
export { type VerifyCluster, verifyCluster } from './kube/verify.js';
export * from './pki/index.js';
export { type AddressFree, addressFree } from './preflight/address-free.js';
export { type CheckHost, checkHost } from './preflight/check-host.js';
export { type CheckReachability, checkReachability } from './preflight/check-reachability.js';
export { checkKubernetesVersion } from './preflight/check-version.js';
export { checkDiskLatency } from './preflight/disk-latency.js';
export { checkEtcdClient, checkExternalEtcd } from './preflight/external-etcd.js';
export { removePodNetwork } from './reset/network.js';
export { type OwnCluster, ownCluster } from './reset/own-cluster.js';
export {
  type ForgetUnits,
  forgetUnits,
  type RemoveExtracted,
  type RemoveHalfFiles,
  type RemoveOwnFiles,
  removeExtracted,
  removeHalfFiles,
  removeOwnFiles,
} from './reset/own-files.js';
export {
  purgeInstalledPackages,
  restoreHostname,
  restoreSwap,
  restoreSysctls,
  restoreTimeKeeper,
  restoreTimezone,
  unloadModules,
} from './reset/restore-os.js';
export { type Retire, retire } from './reset/retire.js';
export { isServiceActive } from './systemd/active.js';
export { checkCalendar } from './systemd/calendar.js';
export type * from './systemd/params.js';
export { removeTimer } from './systemd/remove-timer.js';
export {
  daemonReload,
  disableService,
  enableService,
  restartPending,
  restartService,
  startService,
  stopService,
} from './systemd/service.js';
