export { auditPolicyProblems } from './audit-policy.js';
export { type ClusterInput, clusterSchema } from './cluster.js';
export { type Issue, type Path, pathText } from './issue.js';
export { nearest } from './nearest.js';
export type { PathExpander } from './paths.js';
export {
  type Addon,
  type Arch,
  type Audit,
  apiVersion,
  type Bastion,
  type Cluster,
  type ClusterSpec,
  type Containerd,
  type ContainerRuntime,
  type ControlPlaneEndpoint,
  type Docker,
  type DockerRepository,
  type Download,
  type EncryptionAtRest,
  type Etcd,
  type EtcdBackup,
  type EtcdPerformance,
  type ExternalEtcd,
  type ExtraArgs,
  type ExtraVolume,
  type Flannel,
  type Host,
  type JsonObject,
  type JsonValue,
  type Kubernetes,
  type Login,
  type ManagedEtcd,
  type Network,
  type Registry,
  type Role,
  roles,
  type System,
  type Taint,
} from './types.js';
export { type Validation, validate } from './validate.js';
export {
  corednsImage,
  defaultKubernetesVersion,
  isOlder,
  minorOf,
  newestMinor,
  oldestMinor,
  pauseImage,
  pauseVersion,
  type VersionSet,
  versionsFor,
  versionTable,
} from './versions.js';
