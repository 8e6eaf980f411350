import type { SecretSource } from '../../../secrets/secret.js';

/** The only API group and version this kubexm reads. */
export const apiVersion = 'kubexms.io/v1alpha1';

/** The roles in the order in which they are shown. `master` in the YAML is read as `control-plane`. */
export const roles = ['etcd', 'control-plane', 'worker', 'loadbalancer'] as const;

export type Role = (typeof roles)[number];
export type Arch = 'amd64' | 'arm64';

/** Plain data that JSON can say; what `extraConfig` holds. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Command-line flags without their dashes: `{ 'audit-log-path': '/var/log/audit.log' }`. */
export type ExtraArgs = Readonly<Record<string, string>>;

/** The resolved resource: defaults filled in, ranges expanded, `global` inherited, paths expanded, deeply frozen. */
export interface Cluster {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'Cluster';
  readonly metadata: { readonly name: string };
  readonly spec: ClusterSpec;
}

export interface ClusterSpec {
  readonly hosts: readonly Host[];
  /** Host names of each role, ranges expanded, in the order of the YAML. */
  readonly roleGroups: Readonly<Record<Role, readonly string[]>>;
  readonly controlPlaneEndpoint: ControlPlaneEndpoint;
  readonly kubernetes: Kubernetes;
  readonly etcd: Etcd;
  readonly certs: Certs;
  readonly network: Network;
  readonly registry: Registry;
  readonly download: Download;
  readonly system: System;
  readonly addons: readonly Addon[];
}

/** CAs of the user's own, by absolute paths on the control machine; those that are absent are made. */
export interface Certs {
  readonly autoRenew: AutoRenew;
  readonly ca?: OwnCaFiles;
  readonly frontProxyCa?: OwnCaFiles;
  readonly etcdCa?: OwnCaFiles;
}

/** Hosts renew their own certificates, by a timer of systemd. */
interface AutoRenew {
  readonly enabled: boolean;
  /** Those with no more days left. */
  readonly withinDays: number;
  /** A calendar expression of systemd. */
  readonly schedule: string;
}

export interface OwnCaFiles {
  readonly certFile: string;
  /** Absent: somebody else signs. Never of etcd's. */
  readonly keyFile?: string;
}

export interface Host {
  readonly name: string;
  /** Where SSH connects to: an IPv4 address or a DNS name. */
  readonly address: string;
  /** What the cluster's components use between themselves: always an IPv4 address. */
  readonly internalAddress: string;
  readonly port: number;
  readonly user: string;
  /** Absent: taken from the host's facts. */
  readonly arch?: Arch;
  readonly login: Login;
  /** The login password where there is one and none was given for sudo. */
  readonly sudoPassword?: SecretSource;
  /** Pinned host key: `ssh-ed25519 AAAA…` or `SHA256:…`. */
  readonly hostKey?: string;
  readonly bastion?: Bastion;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** The cluster's, with what the host says otherwise. */
  readonly containerRuntime: ContainerRuntime;
  readonly roles: readonly Role[];
  readonly connectionTimeoutMs: number;
}

export type Login =
  | { readonly type: 'privateKey'; readonly path: string; readonly passphrase?: SecretSource }
  | { readonly type: 'password'; readonly password: SecretSource }
  | { readonly type: 'agent' };

/** A host to jump through. `bastion` of a bastion is the hop before it. */
export interface Bastion {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly login: Login;
  readonly hostKey?: string;
  readonly bastion?: Bastion;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

interface EndpointCommon {
  readonly domain: string;
  readonly port: number;
}

/** An address in front of the control planes. */
interface EndpointAddress extends EndpointCommon {
  readonly address: string;
}

/**
 * internal: a haproxy on each worker, then all control planes one by one. external: an address that the user keeps alive.
 * keepalived and kube-vip: a virtual IPv4 address that kubexm keeps alive.
 */
export type ControlPlaneEndpoint =
  | (EndpointCommon & { readonly type: 'internal'; readonly haproxy: { readonly image: string } })
  | (EndpointAddress & { readonly type: 'external' })
  | (EndpointAddress & { readonly type: 'keepalived'; readonly keepalived: { readonly virtualRouterId: number } })
  | (EndpointAddress & { readonly type: 'kube-vip'; readonly kubeVip: { readonly image: string } });

export interface Kubernetes {
  /** With v: v1.34.4 */
  readonly version: string;
  readonly clusterName: string;
  readonly dnsDomain: string;
  readonly imageRepository: string;
  readonly containerRuntime: ContainerRuntime;
  readonly apiServer: ControlPlaneComponent & {
    readonly certExtraSans: readonly string[];
    /** Absent: requests are not written down. */
    readonly audit?: Audit;
  };
  readonly controllerManager: ControlPlaneComponent;
  readonly scheduler: ControlPlaneComponent;
  /** Absent: etcd holds objects in clear. */
  readonly encryptionAtRest?: EncryptionAtRest;
  readonly kubelet: { readonly extraConfig: JsonObject; readonly extraArgs: ExtraArgs };
  readonly kubeProxy: { readonly mode: 'iptables' | 'ipvs' | 'nftables'; readonly extraConfig: JsonObject };
  /** Absent: what kubeadm of this version takes. */
  readonly dns: { readonly imageRepository?: string; readonly imageTag?: string };
  readonly featureGates: Readonly<Record<string, boolean>>;
}

interface ControlPlaneComponent {
  readonly extraArgs: ExtraArgs;
  readonly extraVolumes: readonly ExtraVolume[];
}

/** kubeadm's HostPathMount. */
export interface ExtraVolume {
  readonly name: string;
  readonly hostPath: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
  readonly pathType?: string;
}

export interface Audit {
  /** `path`: on the control machine. */
  readonly policy:
    | { readonly type: 'inline'; readonly policy: JsonObject }
    | { readonly type: 'file'; readonly path: string };
  readonly logPath: string;
  readonly maxAgeDays: number;
  readonly maxBackups: number;
  readonly maxSizeMegabytes: number;
  /** `configFile`: on the control machine; it may hold a token. */
  readonly webhook?: { readonly configFile: string; readonly mode: 'batch' | 'blocking' | 'blocking-strict' };
}

export interface EncryptionAtRest {
  readonly provider: 'secretbox' | 'aescbc' | 'aesgcm';
  /** `secrets`, or of custom resources `name.group`. */
  readonly resources: readonly string[];
}

interface RuntimeCommon {
  /** With v: v1.3.6 */
  readonly runcVersion: string;
  /** With v: v1.9.1 */
  readonly cniPluginsVersion: string;
  /** With v: v1.34.0 */
  readonly crictlVersion: string;
  /** Absent: the pause image of this Kubernetes version in `kubernetes.imageRepository`; see pauseImage(). */
  readonly sandboxImage?: string;
}

export interface Containerd extends RuntimeCommon {
  readonly type: 'containerd';
  /** Without v: 2.1.9 */
  readonly version: string;
  readonly containerd: { readonly extraConfig: JsonObject; readonly drainBeforeRestart: boolean };
}

export interface Docker extends RuntimeCommon {
  readonly type: 'docker';
  /** Without v: 28.5.2 */
  readonly version: string;
  /** With v: v0.3.21 */
  readonly criDockerdVersion: string;
  readonly docker: {
    /** `docker-ce`, or with a version `docker.io=26.1.5*` */
    readonly packages: readonly string[];
    readonly repository: DockerRepository;
    readonly extraConfig: JsonObject;
  };
}

/** docker: Docker's own. distribution: what the host has already. own: the user's. */
export type DockerRepository =
  | { readonly type: 'docker' }
  | { readonly type: 'distribution' }
  | {
      readonly type: 'own';
      readonly url: string;
      readonly keyUrl: string;
      /** Of apt; absent: the codename of the host's distribution. */
      readonly suite?: string;
      /** Of apt; absent: stable. */
      readonly component?: string;
    };

export type ContainerRuntime = Containerd | Docker;

/** etcd that kubexm installs, on the hosts of role etcd. */
export interface ManagedEtcd {
  readonly type: 'kubexm';
  /** With v: v3.6.14 */
  readonly version: string;
  readonly dataDir: string;
  readonly extraArgs: ExtraArgs;
  readonly performance: EtcdPerformance;
  readonly backup: EtcdBackup;
}

/** etcd that exists already. The files are on the control machine. */
export interface ExternalEtcd {
  readonly type: 'external';
  readonly endpoints: readonly string[];
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export type Etcd = ManagedEtcd | ExternalEtcd;

export interface EtcdPerformance {
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly snapshotCount: number;
  readonly quotaBackendBytes: number;
  readonly autoCompactionMode: 'periodic' | 'revision';
  /** A duration in periodic mode (`8h`), a number of revisions in revision mode (`1000`). */
  readonly autoCompactionRetention: string;
  readonly maxRequestBytes: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'panic' | 'fatal';
  /** Empty: metrics are only on the client port. */
  readonly metricsUrls: readonly string[];
}

export interface EtcdBackup {
  /** systemd OnCalendar expression, such as `daily` or `*-*-* 02:00:00`; absent: no timed backups. */
  readonly schedule?: string;
  /** How many snapshots stay. */
  readonly keep: number;
  /** Directory on the etcd hosts. */
  readonly dir: string;
}

interface NetworkCommon {
  readonly kubePodsCIDR: string;
  readonly kubeServiceCIDR: string;
}

export interface Flannel {
  readonly version: string;
  /** Tag of the flannel-cni-plugin image: v1.9.1-flannel1 */
  readonly cniPluginVersion: string;
  readonly backend: 'vxlan' | 'host-gw';
  /** Whole image references; absent: flannel's own at the versions above. */
  readonly image?: string;
  readonly cniPluginImage?: string;
}

export type Network =
  | (NetworkCommon & { readonly plugin: 'flannel'; readonly flannel: Flannel })
  | (NetworkCommon & { readonly plugin: 'none' });

export interface Registry {
  /** Registry host (`docker.io`) → URLs to ask first, in order. */
  readonly mirrors: Readonly<Record<string, readonly string[]>>;
  /** Registry hosts spoken to over plain HTTP or without checking their certificate. */
  readonly insecure: readonly string[];
  readonly auths: Readonly<Record<string, { readonly username: string; readonly password: SecretSource }>>;
  /** Registry host → CA file on the control machine. */
  readonly caFiles: Readonly<Record<string, string>>;
}

export interface Download {
  /** Upstream URL prefix → the prefix that replaces it. */
  readonly mirrors: Readonly<Record<string, string>>;
  /** File URL or file name → sha256 in lower-case hex. */
  readonly checksums: Readonly<Record<string, string>>;
}

export interface System {
  readonly ntpServers: readonly string[];
  readonly timezone?: string;
  readonly sysctl: Readonly<Record<string, string>>;
  readonly modules: readonly string[];
  readonly packages: readonly string[];
  /** Shell commands run on every host before anything is installed, after everything is. */
  readonly preInstall: readonly string[];
  readonly postInstall: readonly string[];
}

export interface Addon {
  readonly name: string;
  /** Local paths or https URLs, applied in order. */
  readonly manifests: readonly string[];
}
