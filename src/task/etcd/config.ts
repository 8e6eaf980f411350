import type { ManagedEtcd } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths, ports } from '../../common/host-paths.js';
import type { EtcdMemberSpec } from './endpoints.js';

interface EtcdConfig {
  readonly etcd: ManagedEtcd;
  readonly member: EtcdMemberSpec;
}

/**
 * etcd.yaml as an object, in etcd's own field names, without what is about a member's first start only
 * (`initial-cluster` and the like): the step that writes it knows who is there by then. https://github.com/etcd-io/etcd/blob/main/etcd.conf.yml.sample
 */
export function etcdConfig({ etcd, member }: EtcdConfig): Record<string, unknown> {
  const { pki } = hostPaths.etcd;
  const { performance } = etcd;
  const transport = (name: string) => ({
    'cert-file': `${pki}/${name}.pem`,
    'key-file': `${pki}/${name}-key.pem`,
    'client-cert-auth': true,
    'trusted-ca-file': `${pki}/ca.pem`,
  });
  return {
    name: member.name,
    'data-dir': etcd.dataDir,
    'listen-peer-urls': member.peerUrl,
    'listen-client-urls': `${member.clientUrl},https://127.0.0.1:${ports.etcdClient}`,
    'initial-advertise-peer-urls': member.peerUrl,
    'advertise-client-urls': member.clientUrl,
    'strict-reconfig-check': true,
    'heartbeat-interval': performance.heartbeatIntervalMs,
    'election-timeout': performance.electionTimeoutMs,
    'snapshot-count': performance.snapshotCount,
    'quota-backend-bytes': performance.quotaBackendBytes,
    'auto-compaction-mode': performance.autoCompactionMode,
    'auto-compaction-retention': performance.autoCompactionRetention,
    'max-request-bytes': performance.maxRequestBytes,
    'log-level': performance.logLevel,
    ...(performance.metricsUrls.length > 0 ? { 'listen-metrics-urls': performance.metricsUrls.join(',') } : {}),
    'client-transport-security': transport('server'),
    'peer-transport-security': transport('peer'),
    ...etcd.extraArgs,
  };
}

/** Where a member's data are, by the config or etcd's own default. */
export function etcdDirs({ dataDir, extraArgs }: ManagedEtcd): { readonly dataDir: string; readonly walDir?: string } {
  const walDir = extraArgs['wal-dir'];
  return { dataDir, ...(walDir === undefined ? {} : { walDir }) };
}
