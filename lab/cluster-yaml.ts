import { stringify } from 'yaml';
import { KubexmError } from '../src/errors/index.js';
import { compactNames } from './hosts/address-plan.js';
import { opsUser } from './hosts/recipe.js';
import {
  downloadMirrors,
  type MirrorAddress,
  type MirrorVersions,
  type PrivateRegistry,
  privateRegistrySpec,
  registryMirrors,
} from './mirror/index.js';

export interface LabClusterHost {
  readonly name: string;
  readonly address: string;
  /** `ssh-ed25519 AAAA…` */
  readonly hostKey: string;
}

/** Plain data, merged into the generated `spec`: objects key by key, anything else replaces. */
export interface SpecOverrides {
  readonly [key: string]: SpecValue;
}
type SpecValue = string | number | boolean | null | readonly SpecValue[] | SpecOverrides;

export interface LabClusterOptions {
  readonly name?: string;
  readonly hosts: readonly LabClusterHost[];
  /** The first hosts; default 1. */
  readonly controlPlanes?: number;
  /** The first hosts; default as many as control planes. */
  readonly etcd?: number;
  /** The last hosts; default all that are not control planes, or the control planes where there are no others. */
  readonly workers?: number;
  /** key: root with the lab's key. sudo-password: a user with the key, sudo with a password. password: the same user, all with the password. */
  readonly login?: 'key' | 'sudo-password' | 'password';
  readonly privateKeyPath: string;
  readonly sudoPasswordPath: string;
  readonly versions: MirrorVersions;
  readonly mirror: MirrorAddress;
  /** Images come from here instead of the mirror's open registry. */
  readonly privateRegistry?: PrivateRegistry;
  readonly overrides?: SpecOverrides;
}

/** The Cluster resource for lab hosts, as a plain object. */
export function labCluster(options: LabClusterOptions) {
  const { hosts, versions, mirror, privateRegistry } = options;
  const spec = {
    hosts: hosts.map(({ name, address, hostKey }) => ({ name, address, hostKey })),
    roleGroups: roleGroups(options),
    global: { ...login(options), connectionTimeout: '10s' },
    controlPlaneEndpoint: { domain: 'lb.kubexm.local', port: 6443 },
    kubernetes: {
      version: versions.kubernetes,
      containerRuntime: {
        type: 'containerd',
        version: versions.containerd.replace(/^v/, ''),
        runcVersion: versions.runc,
        cniPluginsVersion: versions.cniPlugins,
        crictlVersion: versions.crictl,
        // A lab host may not lower an oom_score_adj.
        containerd: { extraConfig: { plugins: { 'io.containerd.cri.v1.runtime': { restrict_oom_score_adj: true } } } },
      },
      kubelet: kubelet(versions.kubernetes),
      dns: { imageTag: versions.coredns },
      // A lab host may not set the machine's connection tracking limits.
      kubeProxy: { mode: 'iptables', extraConfig: { conntrack: { maxPerCore: 0, min: 0 } } },
    },
    etcd: { type: 'kubexm', version: versions.etcd },
    network: {
      plugin: 'flannel',
      flannel: { version: versions.flannel, cniPluginVersion: versions.flannelCniPlugin },
      kubePodsCIDR: '10.233.64.0/18',
      kubeServiceCIDR: '10.233.0.0/18',
    },
    registry: privateRegistry ? privateRegistrySpec(privateRegistry) : { mirrors: registryMirrors(mirror) },
    download: { mirrors: downloadMirrors(mirror) },
  };
  return {
    apiVersion: 'kubexms.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name: options.name ?? 'lab' },
    spec: merge(spec, options.overrides ?? {}),
  };
}

/** The YAML text of labCluster. */
export function labClusterYaml(options: LabClusterOptions): string {
  return stringify(labCluster(options), { lineWidth: 160, aliasDuplicateObjects: false });
}

function roleGroups({ hosts, controlPlanes = 1, etcd = controlPlanes, workers }: LabClusterOptions) {
  const names = hosts.map((host) => host.name);
  const most = Math.max(controlPlanes, etcd, workers ?? 0);
  if (most > names.length || controlPlanes < 1) {
    throw new KubexmError('USAGE', `a lab of ${names.length} hosts has no room for this topology`, {
      hint: `kubexm lab up --hosts ${most}`,
    });
  }
  const rest = workers ?? (names.length - controlPlanes || controlPlanes);
  return {
    etcd: compactNames(names.slice(0, etcd)),
    'control-plane': compactNames(names.slice(0, controlPlanes)),
    worker: compactNames(rest === 0 ? [] : names.slice(-rest)),
  };
}

/**
 * From 1.35 on a kubelet refuses cgroup v1, which is what some machines, and so their lab hosts, have. All hosts share one
 * disk: a share of it that must be free, which is the default, may well be missing on a healthy machine, and images that no
 * container uses just then would be removed.
 */
function kubelet(kubernetesVersion: string) {
  const minor = Number(kubernetesVersion.split('.')[1]);
  const evictionHard = { 'memory.available': '100Mi', 'nodefs.available': '1Gi', 'imagefs.available': '1Gi' };
  const extraConfig = { evictionHard, imageGCHighThresholdPercent: 100 };
  return { extraConfig: { ...extraConfig, ...(minor >= 35 ? { failCgroupV1: false } : {}) } };
}

function login({ login: kind = 'key', privateKeyPath, sudoPasswordPath }: LabClusterOptions) {
  const password = { file: sudoPasswordPath };
  switch (kind) {
    case 'key':
      return { user: 'root', privateKeyPath };
    case 'sudo-password':
      return { user: opsUser, privateKeyPath, sudoPassword: password };
    case 'password':
      return { user: opsUser, password };
  }
}

function merge(base: unknown, over: unknown): unknown {
  if (!isObject(base) || !isObject(over)) return over;
  const keys = [...new Set([...Object.keys(base), ...Object.keys(over)])];
  return Object.fromEntries(keys.map((key) => [key, key in over ? merge(base[key], over[key]) : base[key]]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
