import { endpointConfig, hostPaths } from '../../common/host-paths.js';
import { type After, type Draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import {
  daemonReload,
  disableService,
  removeFile,
  removeOwnFiles,
  type StepContext,
  stopService,
} from '../../step/index.js';
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
  const pods = leftOn(paths.haproxyManifest, wanted.haproxyPods);
  const ended = g.add('retire-haproxy', pods, removeFile({ path: paths.haproxyManifest }), { after });
  g.add('retire-haproxy-config', pods, removeFile({ path: paths.haproxyPod, recursive: true }), {
    after: sameHost(ended),
  });
  g.add(
    'retire-kube-vip',
    leftOn(paths.kubeVipManifest, wanted.kubeVips),
    removeFile({ path: paths.kubeVipManifest }),
    { after },
  );
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

/** keepalived first: the address goes to another host, or away, while what it leads to still answers. */
function removeServices(
  g: Draft<StepContext>,
  {
    keepalived,
    haproxies,
    after,
  }: { readonly keepalived: readonly HostName[]; readonly haproxies: readonly HostName[]; readonly after: After },
): readonly Ref[] {
  const one = (
    service: string,
    hosts: readonly HostName[],
    own: { readonly unit: string; readonly files: readonly string[] },
    before: After,
  ): Ref => {
    const stopped = g.add(`stop-${service}`, hosts, stopService({ service }), { after: before });
    const disabled = g.add(`disable-${service}`, hosts, disableService({ service }), { after: sameHost(stopped) });
    const { directories: emptyDirectories } = endpointConfig;
    const bare = g.add(
      `files-of-${service}`,
      hosts,
      removeOwnFiles({ what: `the configuration of ${service}`, files: own.files, emptyDirectories }),
      { after: sameHost(disabled) },
    );
    // The last: by it the host is known to have the others.
    const removed = g.add(`unit-of-${service}`, hosts, removeFile({ path: own.unit }), { after: sameHost(bare) });
    return g.add(`forget-${service}`, hosts, daemonReload({ units: [service] }), { after: sameHost(removed) });
  };
  const { keepalived: config, auth, check, haproxy } = endpointConfig;
  const first = one(
    'kubexm-keepalived',
    keepalived,
    { unit: paths.keepalivedUnit, files: [config, auth, check] },
    after,
  );
  const second = one('kubexm-haproxy', haproxies, { unit: paths.haproxyUnit, files: [haproxy] }, first);
  return [first, second];
}
