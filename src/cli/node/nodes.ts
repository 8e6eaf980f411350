import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';
import { type NodesObservation, nodesOf, servingHosts } from '../../pipeline/index.js';
import type { Runtime } from '../../runtime/index.js';
import { readCluster } from '../operation.js';

/** Hosts of the config that are nodes; USAGE for any other name. */
export function nodesNamed({ spec }: Cluster, names: readonly string[]): readonly string[] {
  const nodes = new Set([...spec.roleGroups['control-plane'], ...spec.roleGroups.worker]);
  const unknown = names.filter((name) => !nodes.has(name));
  if (unknown.length === 0) return [...new Set(names)];
  throw noSuchNode(unknown, [...nodes]);
}

/** Hosts that speak for the cluster and hold its lock: all that a command needs which only asks the API. */
export function speakersOf({ spec }: Cluster): readonly string[] {
  return [...new Set([...spec.roleGroups['control-plane'], ...spec.roleGroups.etcd])];
}

/** The nodes as the API has them; throws GUARD_REFUSED where it does not tell. */
export async function nodesOfApi(runtime: Runtime): Promise<NodesObservation> {
  const ctx = runtime.planContext();
  const observed =
    servingHosts(ctx).length > 0 ? await readCluster(runtime, nodesOf({ certificates: false })) : undefined;
  if (observed && observed.objects !== null) return observed;
  throw new KubexmError('GUARD_REFUSED', 'no control plane tells which nodes there are', {
    details: observed?.failures.map(({ host, message }) => `${host}: ${message}`) ?? [],
    hint: 'kubexm cluster status',
    retryable: false,
  });
}

/** Throws USAGE for names that are no node's, also of nodes that the config does not have. */
export function requireNodes({ objects }: NodesObservation, names: readonly string[]): void {
  const nodes = (objects ?? []).map(({ metadata }) => metadata.name);
  const unknown = names.filter((name) => !nodes.includes(name));
  if (unknown.length > 0) throw noSuchNode(unknown, nodes);
}

function noSuchNode(unknown: readonly string[], nodes: readonly string[]): KubexmError {
  return new KubexmError('USAGE', `${unknown.join(', ')}: no node of the cluster has this name`, {
    hint: `its nodes are ${nodes.join(', ')}`,
  });
}

/** A whole number of seconds, at least `least`; USAGE for anything else. */
export function secondsOf(flag: string, text: string, least: number): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= least) return seconds;
  throw new KubexmError('USAGE', `${flag} ${text} is no number of seconds`, { hint: `${flag} 600` });
}
