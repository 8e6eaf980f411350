import type { Path } from './issue.js';

/** Section → what other tools call a key → where it stands here. `*` is any index or name. */
const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  spec: {
    loadBalancer: 'spec.controlPlaneEndpoint',
    controlPlaneLoadBalancer: 'spec.controlPlaneEndpoint',
    cri: 'spec.kubernetes.containerRuntime',
    cni: 'spec.network',
  },
  'spec.hosts.*': {
    ip: 'address',
    privateAddress: 'internalAddress',
    sshPort: 'port',
    username: 'user',
    privateKey: 'privateKeyPath',
    keyPath: 'privateKeyPath',
    sshKeyPath: 'privateKeyPath',
    timeout: 'connectionTimeout',
    role: 'spec.roleGroups',
    roles: 'spec.roleGroups',
  },
  'spec.global': { privateKey: 'privateKeyPath', keyPath: 'privateKeyPath', timeout: 'connectionTimeout' },
  'spec.roleGroups': { workers: 'worker', masters: 'control-plane', controlPlanes: 'control-plane' },
  'spec.controlPlaneEndpoint': {
    internalLoadbalancer: 'type',
    externalDNS: 'domain',
    lbDomain: 'domain',
    host: 'address',
  },
  'spec.kubernetes': {
    containerManager: 'containerRuntime.type',
    apiserverArgs: 'apiServer.extraArgs',
    apiserverCertExtraSans: 'apiServer.certExtraSans',
    controllerManagerArgs: 'controllerManager.extraArgs',
    schedulerArgs: 'scheduler.extraArgs',
    kubeletArgs: 'kubelet.extraArgs',
    kubeletConfiguration: 'kubelet.extraConfig',
    maxPods: 'kubelet.extraConfig.maxPods',
    podPidsLimit: 'kubelet.extraConfig.podPidsLimit',
    proxyMode: 'kubeProxy.mode',
    kubeProxyArgs: 'kubeProxy.extraConfig',
    kubeProxyConfiguration: 'kubeProxy.extraConfig',
    masqueradeAll: 'kubeProxy.extraConfig.iptables.masqueradeAll',
    kubernetesVersion: 'version',
  },
  'spec.etcd': {
    backupDir: 'backup.dir',
    backupPeriod: 'backup.schedule',
    keepBackupNumber: 'backup.keep',
    heartbeatInterval: 'performance.heartbeatIntervalMs',
    electionTimeout: 'performance.electionTimeoutMs',
    snapshotCount: 'performance.snapshotCount',
    autoCompactionRetention: 'performance.autoCompactionRetention',
    quotaBackendBytes: 'performance.quotaBackendBytes',
    maxRequestBytes: 'performance.maxRequestBytes',
    metrics: 'performance.metricsUrls',
    logLevel: 'performance.logLevel',
    endpoints: 'external.endpoints',
    caFile: 'external.caFile',
    certFile: 'external.certFile',
    keyFile: 'external.keyFile',
  },
  'spec.network': {
    podSubnet: 'kubePodsCIDR',
    podCIDR: 'kubePodsCIDR',
    serviceSubnet: 'kubeServiceCIDR',
    cni: 'plugin',
  },
  'spec.network.flannel': { backendMode: 'backend' },
  'spec.registry': {
    registryMirrors: 'mirrors',
    insecureRegistries: 'insecure',
    privateRegistry: 'mirrors',
    namespaceOverride: 'mirrors',
  },
  'spec.system': { rpms: 'packages', debs: 'packages', kernelModules: 'modules', sysctls: 'sysctl' },
};

/** Where the thing called `key` in the map at `path` stands in this format, from the root. */
export function newNameOf(path: Path, key: string): string | undefined {
  const section = path.map((part) => (typeof part === 'number' ? '*' : part)).join('.');
  const name = renamed[section]?.[key];
  if (name === undefined || name.startsWith('spec.')) return name;
  return section.endsWith('*') ? name : `${section}.${name}`;
}
