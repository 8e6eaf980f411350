import { draft } from '../../plan/index.js';
import type { StepContext } from '../../step/index.js';
import { artifactsFor, type ComponentVersion } from '../artifacts.js';
import { runtimeComponents, runtimeGroups } from '../container-runtime/runtime-hosts.js';
import { defineTask, nodeHosts, ownHosts, type PlanContext } from '../context.js';
import { artifactsReady } from '../milestones.js';

/**
 * Brings every artifact to the control machine and verifies it before the first host is changed: a wrong checksum or a
 * mirror without the file must not leave half a cluster.
 */
export const fetchArtifacts = defineTask('fetch-artifacts', (ctx) => {
  const g = draft<StepContext>('fetch-artifacts');
  const fetched = componentsOf(ctx).flatMap(({ hosts, ...component }) =>
    artifactsFor(ctx, component, hosts).map((artifact) => g.include(artifact.ensurePlan(ctx))),
  );
  g.provide(artifactsReady, fetched);
  return g.done();
});

function componentsOf(ctx: PlanContext): (ComponentVersion & { readonly hosts: readonly string[] })[] {
  const { kubernetes, etcd } = ctx.cluster.spec;
  const { version } = kubernetes;
  const nodes = nodeHosts(ctx);
  return [
    { name: 'kubelet', version, hosts: nodes },
    { name: 'kubeadm', version, hosts: nodes },
    { name: 'kubectl', version, hosts: ownHosts(ctx, 'control-plane') },
    ...runtimeGroups(ctx).flatMap((group) =>
      runtimeComponents(group).map((component) => ({ ...component, hosts: group.hosts })),
    ),
    ...(etcd.type === 'kubexm' ? [{ name: 'etcd' as const, version: etcd.version, hosts: ownHosts(ctx, 'etcd') }] : []),
  ];
}
