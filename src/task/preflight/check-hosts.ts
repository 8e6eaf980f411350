import { ports } from '../../common/host-paths.js';
import { draft, type HostName } from '../../plan/index.js';
import { checkHost, checkKubernetesVersion, checkReachability, type StepContext } from '../../step/index.js';
import { allHosts, defineTask, hostsWithRole, internalAddress, nodeHosts, type PlanContext } from '../context.js';
import { addressKeepers } from '../endpoint/hosts.js';
import { hostsChecked } from '../milestones.js';
import { etcdChecks } from './etcd-checks.js';
import { requirementsOf } from './requirements.js';

/** Looks at every host and at the ways between them; all problems come at once, and nothing has changed by then. */
export const checkHosts = defineTask('check-hosts', (ctx) => {
  const g = draft<StepContext>('check-hosts');
  // Hosts that did not answer are reported by whoever asked them.
  const hosts = allHosts(ctx).filter((host) => ctx.facts.has(host));
  const checked = g.addEach('host', hosts, (host) => checkHost(requirementsOf(ctx, host)));
  const targets = new Map(hosts.map((host) => [host, targetsOf(ctx, host)]));
  const reached = g.addEach(
    'reach',
    hosts.filter((host) => (targets.get(host) ?? []).length > 0),
    (host) => checkReachability({ targets: targets.get(host) ?? [] }),
  );
  const version = g.add(
    'version',
    nodeHosts(ctx).filter((host) => ctx.facts.has(host)),
    checkKubernetesVersion({ version: ctx.cluster.spec.kubernetes.version }),
  );
  const forEtcd = etcdChecks(ctx, g, hosts);
  g.provide(hostsChecked, [checked, reached, version, ...forEtcd]);
  return g.done();
});

/** Nodes and load balancers need the API, control planes the kubelets and etcd, etcd members each other. */
function targetsOf(ctx: PlanContext, from: HostName) {
  const roleOf = (role: 'etcd' | 'control-plane') => (hostsWithRole(ctx, role).includes(from) ? role : undefined);
  const etcd = ctx.cluster.spec.etcd.type === 'kubexm' ? hostsWithRole(ctx, 'etcd') : [];
  const wanted: readonly (readonly [readonly HostName[], number])[] = [
    [
      nodeHosts(ctx).includes(from) || addressKeepers(ctx).includes(from) ? hostsWithRole(ctx, 'control-plane') : [],
      ports.apiserver,
    ],
    [roleOf('control-plane') ? nodeHosts(ctx) : [], ports.kubelet],
    [roleOf('control-plane') ? etcd : [], ports.etcdClient],
    [etcd.includes(from) ? etcd : [], ports.etcdPeer],
  ];
  return wanted.flatMap(([hosts, port]) =>
    hosts
      .filter((host) => host !== from && ctx.facts.has(host))
      .map((host) => ({ host, address: internalAddress(ctx, host), port })),
  );
}
