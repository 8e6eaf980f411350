import type { LabTopology } from '../../../lab/index.js';

export type ClusterName = keyof typeof sharedClusters;

/** Clusters that scenarios share, by name; a real `kubexm cluster create` makes each when it is first needed. */
export const sharedClusters = {
  'cluster-3': { hosts: 3, topology: { controlPlanes: 1, workers: 2 } },
  'cluster-5': { hosts: 5, topology: { controlPlanes: 3, etcd: 3, workers: 2 } },
} as const satisfies Record<string, { readonly hosts: number; readonly topology: LabTopology }>;
