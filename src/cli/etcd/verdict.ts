import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';
import type { EtcdVerdict } from '../../pipeline/index.js';
import type { Io } from '../io.js';
import { loadConfig } from '../load.js';

/** Exit codes of the commands that look at etcd. */
export const verdictExitCodes: Readonly<Record<EtcdVerdict, number>> = { healthy: 0, degraded: 3, 'no-quorum': 1 };

/** The config of a cluster whose etcd kubexm looks after; GUARD_REFUSED for one of somebody else. */
export async function loadManagedEtcd(path: string, io: Io): Promise<Cluster> {
  const cluster = await loadConfig(path, io);
  const { etcd } = cluster.spec;
  if (etcd.type === 'kubexm') return cluster;
  throw new KubexmError(
    'GUARD_REFUSED',
    `the etcd of ${cluster.metadata.name} is somebody else's (etcd.type: external): kubexm does not touch it`,
    {
      details: [`endpoints: ${etcd.endpoints.join(', ')}`],
      hint: 'use the tools of whoever runs it; kubexm cluster status shows whether the apiservers are well',
      retryable: false,
    },
  );
}
