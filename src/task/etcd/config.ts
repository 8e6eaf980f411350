import type { ManagedEtcd } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths, ports } from '../../common/host-paths.js';
import type { EtcdMemberSpec } from './endpoints.js';

interface EtcdConfig {
  readonly etcd: ManagedEtcd;
  readonly member: EtcdMemberSpec;
  /** Everyone who is a member when this one first starts, itself included. etcd reads it only while it has no data. */
  readonly initialCluster: readonly EtcdMemberSpec[];
  readonly state: 'new' | 'existing';
  readonly token: string;
}

/** etcd.yaml as an object, in etcd's own field names: https://github.com/etcd-io/etcd/blob/main/etcd.conf.yml.sample */
export function etcdConfig({ etcd, member, initialCluster, state, token }: EtcdConfig): Record<string, unknown> {
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
    'initial-cluster': initialCluster.map((each) => `${each.name}=${each.peerUrl}`).join(','),
    'initial-cluster-state': state,
    'initial-cluster-token': token,
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
