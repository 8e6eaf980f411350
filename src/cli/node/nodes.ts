import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';

/** Hosts of the config that are nodes; USAGE for any other name. */
export function nodesNamed({ spec }: Cluster, names: readonly string[]): readonly string[] {
  const nodes = new Set([...spec.roleGroups['control-plane'], ...spec.roleGroups.worker]);
  const unknown = names.filter((name) => !nodes.has(name));
  if (unknown.length === 0) return [...new Set(names)];
  throw new KubexmError('USAGE', `${unknown.join(', ')}: no node of the cluster has this name`, {
    hint: `its nodes are ${[...nodes].join(', ')}`,
  });
}
