import type { Arch, Cluster, Host, Role } from '../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../errors/index.js';
import type { ExecutionFragment, HostName } from '../plan/index.js';
import type { ResourceContext } from '../resource/index.js';
import type { HostFacts, StepContext } from '../step/index.js';
import { oncePer } from '../util/memo.js';

export type Fragment = ExecutionFragment<StepContext>;

/** All that planners see: config, facts, and what is cached on the control machine. No shell, no network, no clock. */
export interface PlanContext extends ResourceContext {
  readonly cluster: Cluster;
  readonly facts: ReadonlyMap<HostName, HostFacts>;
  /** Manifests of the addons by their name in the config: texts that were read before planning. */
  readonly manifests: ReadonlyMap<string, string>;
  /** Digests (sha256) of files of the control machine that the config names, by path: they were read before planning. */
  readonly fileDigests: ReadonlyMap<string, string>;
  /** The hosts that the plan is for; absent: all. The others stand in lists and addresses, and are neither asked nor changed. */
  readonly only?: ReadonlySet<HostName>;
}

/** A domain planner: config and facts in, a fragment out. */
export interface Task {
  readonly name: string;
  plan(ctx: PlanContext): Fragment;
}

/** Names a planner. */
export function defineTask(name: string, plan: (ctx: PlanContext) => Fragment): Task {
  return Object.freeze({ name, plan });
}

/** Host names of a role, in the order of the config. */
export function hostsWithRole({ cluster }: PlanContext, role: Role): readonly HostName[] {
  return cluster.spec.roleGroups[role];
}

/** Those of a role that the plan is for. */
export function ownHosts(ctx: PlanContext, role: Role): readonly HostName[] {
  const hosts = hostsWithRole(ctx, role);
  return ctx.only === undefined ? hosts : hosts.filter((host) => ctx.only?.has(host));
}

/** Hosts that become nodes, of those that the plan is for: control planes first, each once. */
export function nodeHosts(ctx: PlanContext): readonly HostName[] {
  return [...new Set([...ownHosts(ctx, 'control-plane'), ...ownHosts(ctx, 'worker')])];
}

/** Hosts with a role that kubexm does something for, of those that the plan is for. */
export function allHosts(ctx: PlanContext): readonly HostName[] {
  const { cluster } = ctx;
  const etcd = cluster.spec.etcd.type === 'kubexm' ? ownHosts(ctx, 'etcd') : [];
  const balancers = cluster.spec.controlPlaneEndpoint.type === 'keepalived' ? ownHosts(ctx, 'loadbalancer') : [];
  return [...new Set([...nodeHosts(ctx), ...etcd, ...balancers])];
}

// Asked for every host of every task: a search each time would make plans quadratic in the hosts.
const hostsByName = oncePer(({ spec }: Cluster) => new Map(spec.hosts.map((host) => [host.name, host])));

export function hostNamed({ cluster }: PlanContext, name: HostName): Host {
  const host = hostsByName(cluster).get(name);
  if (!host) throw new KubexmError('INTERNAL', `no host is named ${name}`);
  return host;
}

export function factsOf({ facts }: PlanContext, name: HostName): HostFacts {
  const found = facts.get(name);
  if (!found) throw new KubexmError('INTERNAL', `the facts of ${name} were not gathered`);
  return found;
}

/** The config's word, else the host's own. */
export function archOf(ctx: PlanContext, name: HostName): Arch {
  return hostNamed(ctx, name).arch ?? factsOf(ctx, name).arch;
}

export function internalAddress(ctx: PlanContext, name: HostName): string {
  return hostNamed(ctx, name).internalAddress;
}
