import { KubexmError } from '../../errors/index.js';
import { CONTROL_NODE, draft, type HostName, onlyOn } from '../../plan/index.js';
import { applyBootstrapToken, nodeReady, type StepContext, sameVersion } from '../../step/index.js';
import { installRenewalTimer } from '../certs/renewal-timer.js';
import { guardRuntimes } from '../container-runtime/guard.js';
import { installContainerRuntime } from '../container-runtime/install.js';
import { defineTask, type Fragment, hostsWithRole, nodeHosts, type PlanContext, type Task } from '../context.js';
import { followEndpoint } from '../endpoint/follow.js';
import { guardEndpoint } from '../endpoint/guard.js';
import { balanceNewWorkers, raiseEndpoint } from '../endpoint/raise.js';
import { forecastAdd, joinMembers } from '../etcd/add-member.js';
import { etcdCertificates } from '../etcd/certificates.js';
import { hostOfMember, type MembershipBasis, memberOf, membershipGate } from '../etcd/membership.js';
import { servingHosts, speakerBeside } from '../kubernetes/init-host.js';
import { installKubernetesBinaries } from '../kubernetes/install-binaries.js';
import { joinControlPlanes, joinWorkers } from '../kubernetes/join-nodes.js';
import { labelNodes } from '../kubernetes/label-nodes.js';
import { bootstrapToken, kubernetesPki } from '../kubernetes/pki.js';
import { pullNodeImages } from '../kubernetes/pull-images.js';
import { reconcileControlPlane } from '../kubernetes/reconcile-control-plane.js';
import { requireSignedCertificates } from '../kubernetes/signed-elsewhere.js';
import { apiServing, controlPlaneMade, endpointKnown } from '../milestones.js';
import { checkHosts } from '../preflight/check-hosts.js';
import { fetchArtifacts } from '../preflight/fetch-artifacts.js';
import { prepareOs, runPostInstall } from '../preflight/prepare-os.js';

export interface AddNodes {
  /** Hosts of the config that are to become nodes. */
  readonly hosts: readonly HostName[];
  /** Etcd as it was read, where one of the hosts is to be a member of it. */
  readonly etcd?: MembershipBasis;
}

/** What will come of it, and what else than the new hosts is touched. Throws where it is refused. */
export function forecastNodes(ctx: PlanContext, { hosts, etcd }: AddNodes): readonly string[] {
  const nodes = nodeHosts(ctx);
  const others = hosts.filter((host) => !nodes.includes(host));
  if (others.length > 0) {
    throw new KubexmError('USAGE', `${others.join(', ')}: the config gives no host of this name a role of a node`, {
      details: ['write the host into spec.hosts, and its name into spec.roleGroups: worker, or control-plane'],
      hint: 'kubexm config validate; a member of etcd alone: kubexm etcd add-member --help',
      retryable: false,
    });
  }
  if (servingHosts(ctx).length === 0) {
    throw new KubexmError('GUARD_REFUSED', 'there is no control plane that a node could join', {
      hint: 'kubexm cluster create makes the cluster, with all its nodes; kubexm cluster status',
      retryable: false,
    });
  }
  const joining = membersAmong(ctx, hosts);
  const controlPlanes = newControlPlanes(ctx, hosts);
  return [
    ...(controlPlanes.length > 0
      ? [
          `${controlPlanes.join(', ')} becomes a control plane: every apiserver is told, one after the other, and every node gets its address into /etc/hosts`,
        ]
      : [`no other host is changed; ${speakerBeside(ctx, hosts)} is asked to let it join`]),
    ...(joining.length > 0 && etcd ? forecastAdd(ctx, { hosts: joining, observed: etcd.observed }) : []),
  ];
}

/** Looks at the new hosts, fetches what they need, and takes a snapshot where etcd is to change. */
export function beforeAddingNodes(params: AddNodes): Task {
  return defineTask('before-adding', (ctx) => {
    forecastNodes(ctx, params);
    const own = onlyFor(ctx, params.hosts);
    const g = draft<StepContext>('before-adding');
    for (const task of [checkHosts, guardRuntimes, fetchArtifacts])
      g.include(onlyOn(task.plan(own), [...params.hosts, CONTROL_NODE]));
    // A new control plane changes those that are there.
    const changed = newControlPlanes(ctx, params.hosts).length > 0 ? servingHosts(ctx) : [];
    g.include(requireSignedCertificates.plan(onlyFor(ctx, [...params.hosts, ...changed])));
    g.include(guardEndpoint.plan(ctx));
    // A kubelet that is newer than an apiserver, or a control plane that is older than the others, has no place in a cluster.
    const { version } = ctx.cluster.spec.kubernetes;
    g.add('version', [speakerBeside(ctx, params.hosts)], sameVersion({ version }));
    if (params.etcd) g.include(membershipGate(ctx, params.etcd));
    return g.done();
  });
}

/**
 * What `cluster create` does for these hosts, and nothing for others: the plan of a worker is the same beside three nodes and
 * beside a thousand. A new control plane is one more address of the API, which all others learn.
 */
export function addNodes({ hosts, etcd }: AddNodes): Task {
  return defineTask('add-nodes', (ctx) => {
    const own = onlyFor(ctx, hosts);
    const speaker = speakerBeside(ctx, hosts);
    const g = draft<StepContext>('add-nodes');
    g.include(prepareOs.plan(own));
    const joined = g.include(etcd ? membership(ctx, hosts, etcd) : draft<StepContext>('none').done());
    for (const task of [installContainerRuntime, installKubernetesBinaries, pullNodeImages]) g.include(task.plan(own));
    const keys = g.include(kubernetesPki.plan(own));
    const token = g.add(
      'bootstrap-token',
      [speaker],
      applyBootstrapToken({ token: bootstrapToken(ctx), nodes: hosts, hours: 24 }),
      { after: keys },
    );
    const admitted = [token, joined, g.include(etcdClients(ctx, hosts))];
    if (newControlPlanes(ctx, hosts).length > 0 || etcd) {
      g.provide(controlPlaneMade, admitted);
      g.include(reconcileControlPlane.plan(ctx));
    } else g.provide(apiServing, token);
    if (newControlPlanes(ctx, hosts).length > 0)
      for (const task of [raiseEndpoint, followEndpoint]) g.include(task.plan(ctx));
    else {
      g.provide(endpointKnown, token);
      g.include(balanceNewWorkers.plan(own));
    }
    for (const task of [joinControlPlanes, joinWorkers, installRenewalTimer, runPostInstall]) g.include(task.plan(own));
    const labelled = g.include(labelNodes.plan(own));
    // Without a pod network of kubexm's a node cannot be Ready before the user has brought one.
    const waiting = ctx.cluster.spec.network.plugin === 'none' ? [] : hosts;
    const namespaces = ['kube-system', 'kube-flannel'];
    for (const node of waiting) g.add(`ready-${node}`, [speaker], nodeReady({ node, namespaces }), { after: labelled });
    return g.done();
  });
}

/** The hosts that are to be members of etcd and are none yet, one after the other. */
function membership(ctx: PlanContext, hosts: readonly HostName[], { observed }: MembershipBasis): Fragment {
  const joining = membersAmong(ctx, hosts);
  const staying = observed.members.filter((member) => !joining.includes(hostOfMember(ctx, member) ?? ''));
  return joinMembers(ctx, { hosts: joining, staying });
}

/** Those of the hosts that have the role etcd, in an etcd of kubexm's own. */
export function membersAmong(ctx: PlanContext, hosts: readonly HostName[]): readonly HostName[] {
  if (ctx.cluster.spec.etcd.type === 'external') return [];
  return hostsWithRole(ctx, 'etcd').filter((host) => hosts.includes(host));
}

/** For new control planes that are no members: what their apiservers show to etcd. */
function etcdClients(ctx: PlanContext, hosts: readonly HostName[]): Fragment {
  const members = membersAmong(ctx, hosts);
  const clients = newControlPlanes(ctx, hosts).filter((host) => !members.includes(host));
  if (clients.length === 0) return draft<StepContext>('none').done();
  return onlyOn(etcdCertificates.plan(ctx), [...clients, CONTROL_NODE]);
}

/** Whether etcd has to be read and changed for these hosts. */
export function needsMembership(ctx: PlanContext, { hosts, etcd }: Required<AddNodes>): boolean {
  return membersAmong(ctx, hosts).some((host) => memberOf(ctx, etcd.observed, host)?.isLearner !== false);
}

/** Those that are control planes of the config and none yet. */
function newControlPlanes(ctx: PlanContext, hosts: readonly HostName[]): readonly HostName[] {
  const serving = servingHosts(ctx);
  return hostsWithRole(ctx, 'control-plane').filter((host) => hosts.includes(host) && !serving.includes(host));
}

function onlyFor(ctx: PlanContext, hosts: readonly HostName[]): PlanContext {
  return { ...ctx, only: new Set(hosts) };
}
