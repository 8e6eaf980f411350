import { hostPaths } from '../../common/host-paths.js';
import { type After, type Draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import { daemonReload, disableService, removeFile, type StepContext, stopService } from '../../step/index.js';
import { hostsWithRole, type PlanContext } from '../context.js';
import { addressKeepers, balancedWorkers, servesItself } from './hosts.js';

const paths = hostPaths.endpoint;

/** Takes away what stands before the API servers on hosts that the endpoint of the config does not use (any more). */
export function retireEndpoint(g: Draft<StepContext>, ctx: PlanContext, after: After): void {
  const { type } = ctx.cluster.spec.controlPlaneEndpoint;
  const keepers = addressKeepers(ctx);
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const wanted = {
    haproxyPods: balancedWorkers(ctx),
    kubeVips: type === 'kube-vip' ? controlPlanes : [],
    keepalived: keepers,
    haproxies: keepers.filter((host) => !servesItself(ctx, host)),
  };
  const leftOn = (path: string, stay: readonly HostName[]) =>
    leftovers(ctx, path).filter((host) => !stay.includes(host));
  removePod(g, 'haproxy', {
    hosts: leftOn(paths.haproxyManifest, wanted.haproxyPods),
    manifest: paths.haproxyManifest,
    after,
  });
  removePod(g, 'kube-vip', {
    hosts: leftOn(paths.kubeVipManifest, wanted.kubeVips),
    manifest: paths.kubeVipManifest,
    after,
  });
  removeServices(g, {
    after,
    keepalived: leftOn(paths.keepalivedUnit, wanted.keepalived),
    haproxies: leftOn(paths.haproxyUnit, wanted.haproxies),
  });
}

/** Of hosts that are given back. */
export function removeEndpointServices(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { hosts, after }: { readonly hosts: readonly HostName[]; readonly after: After },
): readonly Ref[] {
  const on = (path: string) => leftovers(ctx, path).filter((host) => hosts.includes(host));
  return removeServices(g, { after, keepalived: on(paths.keepalivedUnit), haproxies: on(paths.haproxyUnit) });
}

function leftovers({ facts }: PlanContext, path: string): readonly HostName[] {
  return [...facts].filter(([, each]) => each.leftovers.includes(path)).map(([host]) => host);
}

function removePod(
  g: Draft<StepContext>,
  name: string,
  { hosts, manifest, after }: { readonly hosts: readonly HostName[]; readonly manifest: string; readonly after: After },
): void {
  g.add(`retire-${name}`, hosts, removeFile({ path: manifest }), { after });
}

/** keepalived first: the address goes to another host, or away, while what it leads to still answers. */
function removeServices(
  g: Draft<StepContext>,
  {
    keepalived,
    haproxies,
    after,
  }: { readonly keepalived: readonly HostName[]; readonly haproxies: readonly HostName[]; readonly after: After },
): readonly Ref[] {
  const one = (service: string, hosts: readonly HostName[], unit: string, before: After): Ref => {
    const stopped = g.add(`stop-${service}`, hosts, stopService({ service }), { after: before });
    const disabled = g.add(`disable-${service}`, hosts, disableService({ service }), { after: sameHost(stopped) });
    const removed = g.add(`remove-${service}`, hosts, removeFile({ path: unit }), { after: sameHost(disabled) });
    return g.add(`forget-${service}`, hosts, daemonReload({ units: [service] }), { after: sameHost(removed) });
  };
  const first = one('kubexm-keepalived', keepalived, paths.keepalivedUnit, after);
  const second = one('kubexm-haproxy', haproxies, paths.haproxyUnit, [first]);
  const done = [first, second];
  const bare = keepalived.filter((host) => haproxies.includes(host) || haproxies.length === 0);
  return [
    ...done,
    g.add('remove-endpoint-config', bare, removeFile({ path: paths.config, recursive: true }), { after: done }),
  ];
}
