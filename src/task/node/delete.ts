import { KubexmError } from '../../errors/index.js';
import { type After, type Draft, draft, type HostName, type Ref } from '../../plan/index.js';
import { deleteNode, guardDrain, type StepContext, stopService } from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext, type Task } from '../context.js';
import { followEndpoint } from '../endpoint/follow.js';
import { guardEndpoint } from '../endpoint/guard.js';
import { raiseEndpoint } from '../endpoint/raise.js';
import { apiserverUrls, memberOf, membershipGate } from '../etcd/membership.js';
import type { EtcdObservation, ObservedMember } from '../etcd/observation.js';
import { forecastRemove, leavingOf, takeOut } from '../etcd/remove-member.js';
import { servingHosts } from '../kubernetes/init-host.js';
import { clusterCa, userKubeconfig } from '../kubernetes/pki.js';
import { reconcileApiserverEtcd } from '../kubernetes/reconcile-control-plane.js';
import { controlPlaneMade, nodeJoined, osReady, servingCertificates } from '../milestones.js';
import { guardOwnership } from '../reset/delete-cluster.js';
import { resetHosts } from '../reset/reset-hosts.js';
import { type DrainOptions, emptied } from './drain.js';
import type { ApiNode, NodesObservation } from './nodes.js';

export interface DeleteNodes {
  readonly nodes: readonly HostName[];
  /** As the API had them. */
  readonly observed: NodesObservation;
  readonly etcd: EtcdObservation;
  /** False: the user goes on although etcd can serve no snapshot. */
  readonly snapshot: boolean;
  readonly drain: DrainOptions;
  /** Also images, logs and etcd's data on the hosts. */
  readonly wipeData: boolean;
}

/** One of those that are to go. */
export interface LeavingNode {
  readonly name: HostName;
  /** It is a node, as the API says. */
  readonly isNode: boolean;
  /** Its kubelet reports to the API, so its pods can end in order. */
  readonly reports: boolean;
  /** Its host has answered, so it can be cleaned. */
  readonly reachable: boolean;
  readonly isControlPlane: boolean;
  /** The member of etcd that goes with it. */
  readonly member?: ObservedMember;
}

/** Who goes, and how much of it can be done; throws USAGE for a name that is nobody's. */
export function leavingNodes(ctx: PlanContext, { nodes, observed, etcd }: DeleteNodes): readonly LeavingNode[] {
  const { roleGroups } = ctx.cluster.spec;
  const hosts = new Set([...roleGroups['control-plane'], ...roleGroups.worker]);
  const objects = observed.objects ?? [];
  const unknown = nodes.filter((name) => !hosts.has(name) && !objects.some(({ metadata }) => metadata.name === name));
  if (unknown.length > 0)
    throw nobody(unknown, [...new Set([...hosts, ...objects.map(({ metadata }) => metadata.name)])]);
  return nodes.map((name) => {
    const node = objects.find(({ metadata }) => metadata.name === name);
    const member = memberOf(ctx, etcd, name);
    return {
      name,
      isNode: node !== undefined,
      reports: reportsToApi(node),
      reachable: ctx.facts.has(name),
      isControlPlane:
        roleGroups['control-plane'].includes(name) ||
        node?.metadata.labels?.['node-role.kubernetes.io/control-plane'] !== undefined,
      ...(member === undefined ? {} : { member }),
    };
  });
}

/** The node's controller sets Ready to Unknown when nothing has come from the kubelet for a while. */
export function reportsToApi(node: ApiNode | undefined): boolean {
  const status = node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  return status === 'True' || status === 'False';
}

/** What will be left, in words. Throws where it would cost the API or etcd's quorum, and where nobody can be asked. */
export function forecastDelete(ctx: PlanContext, params: DeleteNodes): readonly string[] {
  const leaving = leavingNodes(ctx, params);
  const staying = servingHosts(ctx).filter((host) => !params.nodes.includes(host));
  if (staying.length === 0) throw lastControlPlane(ctx, leaving);
  if (params.observed.objects === null) throw apiUnknown(params.observed);
  const members = leaving.filter(({ member }) => member !== undefined);
  if (members.length > 1) throw severalMembers(members);
  const which = members[0] ?? leaving.find(({ name }) => managedMembers(ctx).includes(name));
  return [
    ...leaving.map(lineOf),
    ...(leaving.some(({ isControlPlane }) => isControlPlane)
      ? [`control planes that stay: ${staying.join(', ')}; every node takes the address out of its /etc/hosts`]
      : []),
    ...(which === undefined ? [] : forecastRemove(ctx, { which: which.name, observed: params.etcd })),
  ];
}

function lineOf({ name, isNode, reports, reachable, member }: LeavingNode): string {
  const parts = [
    isNode
      ? reports
        ? 'drained and removed'
        : 'removed without a drain: it does not report to the API'
      : 'no node any more',
    ...(member ? ['leaves etcd'] : []),
    reachable ? 'its host is cleaned' : 'its host does not answer, and is not cleaned',
  ];
  return `${name}: ${parts.join('; ')}`;
}

/** Looks before anything changes: whose host it is, which pods would be lost, and etcd's members with a snapshot. */
export function beforeDeleting(params: DeleteNodes): Task {
  return defineTask('before-deleting', (ctx) => {
    forecastDelete(ctx, params);
    const leaving = leavingNodes(ctx, params);
    const speaker = stayingSpeaker(ctx, params.nodes);
    const g = draft<StepContext>('before-deleting');
    g.include(guardOwnership(leaving.filter(({ reachable }) => reachable).map(({ name }) => name)).plan(ctx));
    if (leaving.some(({ isControlPlane }) => isControlPlane)) g.include(guardEndpoint.plan(ctx));
    for (const { name } of leaving.filter(({ reports }) => reports))
      g.add(`pods-of-${name}`, [speaker], guardDrain({ node: name, ...params.drain }));
    if (leaving.some(({ member }) => member))
      g.include(membershipGate(ctx, { observed: params.etcd, snapshot: params.snapshot }));
    return g.done();
  });
}

/**
 * One node after the other: its pods move away, etcd and the apiservers forget it, its kubelet stops, the API forgets it, its
 * host is cleaned. Whichever control plane goes, what named it names those that stay.
 */
export function deleteNodes(params: DeleteNodes): Task {
  return defineTask('delete-nodes', (ctx) => {
    const speaker = stayingSpeaker(ctx, params.nodes);
    const g = draft<StepContext>('delete-nodes');
    const leaving = leavingNodes(ctx, params);
    let before: Ref | undefined;
    for (const node of leaving) {
      const one = draft<StepContext>(node.name);
      deleteOne(one, ctx, { node, params, speaker });
      before = g.include(one.done(), { after: before });
    }
    return g.done();
  });
}

function deleteOne(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { node, params, speaker }: { readonly node: LeavingNode; readonly params: DeleteNodes; readonly speaker: HostName },
): void {
  const { name, reports, reachable, isControlPlane, member } = node;
  const options = { speaker, operation: 'node delete', options: params.drain };
  let before: After = reports ? g.include(emptied(name, options)) : [];
  if (member !== undefined || isControlPlane) before = g.include(forgotten(ctx, params, node), { after: before });
  const stopped = g.add('stop-kubelet', reachable ? [name] : [], stopService({ service: 'kubelet.service' }), {
    after: before,
  });
  const removed = g.add('delete-node', [speaker], deleteNode({ node: name }), { after: stopped });
  if (!reachable) return;
  const reset = resetHosts({ hosts: [name], wipeData: params.wipeData, purgePackages: false });
  g.include(reset.plan(ctx), { after: removed });
}

/** What names a control plane or a member of etcd, on the hosts that stay and on the control machine. */
function forgotten(ctx: PlanContext, { etcd, nodes }: DeleteNodes, { name, member, isControlPlane }: LeavingNode) {
  const stay = without(ctx, nodes);
  const staying = etcd.members.filter((each) => each !== member);
  const g = draft<StepContext>('forget');
  const { etcd: configured } = ctx.cluster.spec;
  const endpoints = configured.type === 'external' ? configured.endpoints : apiserverUrls(stay, staying);
  const told = g.include(reconcileApiserverEtcd(stay, endpoints));
  if (member !== undefined) {
    const leaving = leavingOf(ctx, { which: name, observed: etcd });
    g.include(takeOut(ctx, { leaving, staying, observed: etcd }), { after: told });
  }
  if (isControlPlane) {
    for (const reached of [controlPlaneMade, servingCertificates, osReady, nodeJoined]) g.provide(reached, told);
    for (const task of [raiseEndpoint, followEndpoint]) g.include(task.plan(stay));
    userKubeconfig(g, stay, clusterCa(g, stay));
  }
  return g.done();
}

/** The cluster as if these hosts had no role any more. */
function without(ctx: PlanContext, nodes: readonly HostName[]): PlanContext {
  const { spec } = ctx.cluster;
  const rest = (role: 'etcd' | 'control-plane' | 'worker') =>
    spec.roleGroups[role].filter((host) => !nodes.includes(host));
  const roleGroups = {
    ...spec.roleGroups,
    etcd: rest('etcd'),
    'control-plane': rest('control-plane'),
    worker: rest('worker'),
  };
  const facts = new Map([...ctx.facts].filter(([host]) => !nodes.includes(host)));
  return { ...ctx, facts, cluster: { ...ctx.cluster, spec: { ...spec, roleGroups } } };
}

function managedMembers(ctx: PlanContext): readonly HostName[] {
  return ctx.cluster.spec.etcd.type === 'external' ? [] : hostsWithRole(ctx, 'etcd');
}

/** `forecastDelete` has seen that there is one. */
function stayingSpeaker(ctx: PlanContext, nodes: readonly HostName[]): HostName {
  const speaker = servingHosts(ctx).find((host) => !nodes.includes(host));
  if (speaker === undefined) throw new KubexmError('INTERNAL', 'no control plane stays');
  return speaker;
}

function nobody(unknown: readonly string[], known: readonly string[]): KubexmError {
  return new KubexmError('USAGE', `${unknown.join(', ')}: no node of the cluster has this name`, {
    hint: `its nodes are ${known.join(', ')}; a member of etcd alone: kubexm etcd remove-member --help`,
  });
}

function lastControlPlane(ctx: PlanContext, leaving: readonly LeavingNode[]): KubexmError {
  const going = leaving.filter(({ isControlPlane }) => isControlPlane).map(({ name }) => name);
  const dead = hostsWithRole(ctx, 'control-plane').filter((host) => !ctx.facts.has(host));
  return new KubexmError(
    'GUARD_REFUSED',
    going.length > 0
      ? `without ${going.join(', ')} no control plane would be left that serves`
      : 'no control plane of the cluster answers',
    {
      details: dead.map((host) => `${host} does not answer`),
      hint:
        going.length > 0
          ? 'add another control plane first: kubexm node add --help; to take the whole cluster down: kubexm cluster delete'
          : 'kubexm cluster status',
      retryable: false,
    },
  );
}

function apiUnknown({ failures }: NodesObservation): KubexmError {
  return new KubexmError('GUARD_REFUSED', 'the API does not tell which nodes there are', {
    details: failures.map(({ host, message }) => `${host}: ${message}`),
    hint: 'kubexm cluster status',
    retryable: false,
  });
}

function severalMembers(members: readonly LeavingNode[]): KubexmError {
  const names = members.map(({ name }) => name);
  return new KubexmError('GUARD_REFUSED', `${names.join(', ')} are members of etcd, which lets one go at a time`, {
    hint: `one after the other: kubexm node delete ${names[0] ?? ''}`,
    retryable: false,
  });
}
