import type { ContainerRuntime } from '../../apis/kubexms/v1alpha1/index.js';
import { unreachable } from '../../errors/index.js';
import { draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import { criReady, type StepContext } from '../../step/index.js';
import { defineTask, type Fragment, nodeHosts, ownHosts, type PlanContext } from '../context.js';
import { runtimeReady } from '../milestones.js';
import type { RuntimeDraft } from './common.js';
import { isDrained, undrained } from './drained-restart.js';
import { planContainerd } from './install-containerd.js';
import { planDocker } from './install-docker.js';
import { criEndpoint, hasNetwork, isNode, runtimeGroups } from './runtime-hosts.js';

/**
 * The container runtime of the config on every node. Hosts that are to become nodes get it all at once. On nodes it is in
 * use: control planes change one after the other, then one worker, then the others (one by one where they are drained),
 * and each begins only when those before it are well.
 */
export const installContainerRuntime = defineTask('install-container-runtime', (ctx) => {
  const controlPlanes = ownHosts(ctx, 'control-plane');
  const hosts = nodeHosts(ctx);
  const nodes = hosts.filter((host) => isNode(ctx, host));
  const [firstWorker, ...workers] = nodes.filter((host) => !controlPlanes.includes(host));
  const g = draft<StepContext>('install-container-runtime');
  const ready: Ref[] = [
    g.include(
      onHosts(
        ctx,
        'new',
        hosts.filter((host) => !nodes.includes(host)),
      ),
    ),
  ];
  let before: Ref | undefined;
  const change = (name: string, batch: readonly HostName[]): void => {
    before = g.include(onHosts(ctx, name, batch, { inUse: true, drains: true }), { after: before });
    ready.push(before);
  };
  for (const host of controlPlanes.filter((name) => nodes.includes(name))) change(host, [host]);
  if (firstWorker !== undefined) change(firstWorker, [firstWorker]);
  const drained = workers.filter((host) => isDrained(ctx, host));
  for (const host of drained) change(host, [host]);
  const others = workers.filter((host) => !drained.includes(host));
  if (others.length > 0) change('other-workers', others);
  const verified = g.addEach('verify', hosts, (host) => criReady({ endpoint: criEndpoint(ctx, host).socket }), {
    after: sameHost(ready, { where: 'present' }),
  });
  g.provide(runtimeReady, verified);
  return g.done();
});

/**
 * The runtimes of some hosts, all at once. `inUse`: a change is over when the network is there again. `drains`: with the
 * pods moved away first, where the config asks for it.
 */
export function onHosts(
  ctx: PlanContext,
  name: string,
  hosts: readonly HostName[],
  { inUse = false, drains = false }: { readonly inUse?: boolean; readonly drains?: boolean } = {},
): Fragment {
  const g = draft<StepContext>(name);
  const kinds = new Map<string, number>();
  const placed = runtimeGroups(ctx, hosts).map(({ runtime, hosts: of }) => {
    const count = (kinds.get(runtime.type) ?? 0) + 1;
    kinds.set(runtime.type, count);
    const part = draft<StepContext>(count === 1 ? runtime.type : `${runtime.type}-${count}`);
    planRuntime({ g: part, ctx, runtime, hosts: of, inUse, drains });
    return g.include(part.done());
  });
  const verified = g.addEach(
    'verify',
    inUse ? hosts : [],
    (host) => criReady({ endpoint: criEndpoint(ctx, host).socket, network: hasNetwork(ctx, host) }),
    { after: sameHost(placed, { where: 'present' }) },
  );
  if (drains) undrained({ g, ctx, hosts }, verified);
  return g.done();
}

function planRuntime(plan: RuntimeDraft<ContainerRuntime>): void {
  const { runtime } = plan;
  switch (runtime.type) {
    case 'containerd':
      return planContainerd({ ...plan, runtime });
    case 'docker':
      return planDocker({ ...plan, runtime });
    default:
      return unreachable(runtime);
  }
}
