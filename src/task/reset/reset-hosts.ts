import { hostMarks } from '../../common/host-marks.js';
import { hostPaths } from '../../common/host-paths.js';
import { type After, type Draft, draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import {
  configureHostsFile,
  daemonReload,
  disableService,
  forgetUnits,
  purgeInstalledPackages,
  removeExtracted,
  removeHalfFiles,
  removeOwnFiles,
  removePodNetwork,
  removePods,
  restoreHostname,
  restoreSwap,
  restoreSysctls,
  restoreTimeKeeper,
  restoreTimezone,
  type StepContext,
  stopService,
  unloadModules,
  wipeDirectory,
} from '../../step/index.js';
import { noRenewalTimer } from '../certs/renewal-timer.js';
import { endpointOf, runtimeGroups } from '../container-runtime/runtime-hosts.js';
import { uninstallContainerRuntime } from '../container-runtime/uninstall.js';
import { defineTask, type Fragment, hostsWithRole, nodeHosts, type PlanContext, type Task } from '../context.js';
import { removeEndpointServices } from '../endpoint/retire.js';
import { removeEtcd } from '../etcd/remove.js';
import { etcdFiles, networkFiles, nodeFiles, nodeState, pluginNames, units } from './own-files.js';

/** Hosts that are given back as they were before kubexm came. */
export interface ResetHosts {
  /** Those of them that do not answer, or that kubexm was never at work on, are left out. */
  readonly hosts: readonly HostName[];
  /**
   * Delete etcd's data, images and layers of the container runtime, and logs. Default: etcd's data are renamed, the others
   * stay where they are. Snapshots of etcd are never deleted.
   */
  readonly wipeData: boolean;
  /** Also packages that kubexm installed, beside those of the container runtime, which always go. */
  readonly purgePackages: boolean;
  /** Those of the hosts that stay members of etcd: it goes on, and so does what kubexm changed in the operating system. */
  readonly keepEtcd?: readonly HostName[];
}

/**
 * Takes everything of kubexm off hosts, whatever half-built state they are in: nothing on the other hosts is touched. Nodes should
 * be drained, and members of etcd removed, before.
 */
export function resetHosts(params: ResetHosts): Task {
  return defineTask('reset-hosts', (ctx) => planReset(ctx, params, [params.hosts]));
}

/** `waves`: the hosts in the order in which their pods end; each waits for the one before. etcd stops after the last. */
export function planReset(ctx: PlanContext, params: ResetHosts, waves: readonly (readonly HostName[])[]): Fragment {
  const g = draft<StepContext>('reset-hosts');
  const hosts = touchedHosts(ctx, params.hosts);
  const nodes = hosts.filter((host) => isOrWasNode(ctx, host));
  const keepers = hosts.filter((host) => params.keepEtcd?.includes(host));
  const left = hosts.filter((host) => !keepers.includes(host));

  const stopped = stopInWaves(
    g,
    ctx,
    waves.map((wave) => wave.filter((host) => nodes.includes(host))),
  );
  const members = left.filter((host) => isOrWasMember(ctx, host));
  const withoutEtcd = g.include(removeEtcd({ hosts: members, wipeData: params.wipeData }).plan(ctx), {
    // One host alone waits for itself; of a whole cluster, the apiservers end before the first member does.
    after: waves.length > 1 ? stopped : sameHost(stopped, { where: 'present' }),
  });
  const cleaned = cleanNodes(g, ctx, {
    hosts: nodes,
    wipeData: params.wipeData,
    after: sameHost(stopped, { where: 'present' }),
  });
  const withoutAddress = removeEndpointServices(g, ctx, { hosts, after: stopped });
  // Those of members go with etcd.
  const others = left.filter((host) => ctx.cluster.spec.etcd.type === 'external' || !members.includes(host));
  const withoutTimer = g.addEach('renewal-timer', others, (host) => noRenewalTimer(ctx, host), {
    after: sameHost(stopped, { where: 'present' }),
  });
  const done = [...cleaned, withoutEtcd, ...withoutAddress, withoutTimer];
  g.add('kubeadm-state', keepers, removeOwnFiles(nodeState), { after: sameHost(done, { where: 'present' }) });
  restoreHosts(g, ctx, { hosts: left, params, after: sameHost(done, { where: 'present' }) });
  return g.done();
}

/** Those of the hosts that answer and that kubexm has been at work on: all others are none of its business. */
export function touchedHosts({ facts }: PlanContext, hosts: readonly HostName[]): readonly HostName[] {
  const marks = [
    hostMarks.state,
    hostPaths.kubeletKubeconfig,
    hostPaths.etcd.config,
    `${hostPaths.units}/kubelet.service`,
  ];
  return hosts.filter((host) => facts.get(host)?.leftovers.some((path) => marks.includes(path)));
}

/** By the config, or by what lies there: the config may have taken its role since. */
function isOrWasNode(ctx: PlanContext, host: HostName): boolean {
  const marks = [hostPaths.kubeletKubeconfig, `${hostPaths.units}/kubelet.service`];
  return nodeHosts(ctx).includes(host) || marks.some((path) => ctx.facts.get(host)?.leftovers.includes(path));
}

function isOrWasMember(ctx: PlanContext, host: HostName): boolean {
  const roles = (['etcd', 'control-plane'] as const).some((role) => hostsWithRole(ctx, role).includes(host));
  return roles || ctx.facts.get(host)?.leftovers.includes(hostPaths.etcd.config) === true;
}

/** kubeadm and the kubelet stop, then the runtime ends all pods while it can still do so in order. */
function stopInWaves(g: Draft<StepContext>, ctx: PlanContext, waves: readonly (readonly HostName[])[]): readonly Ref[] {
  const refs: Ref[] = [];
  let before: { readonly after?: After } = {};
  for (const [index, hosts] of waves.entries()) {
    if (hosts.length === 0) continue;
    const part = waves.length > 1 ? `-${index + 1}` : '';
    const kubeadm = g.add(`stop-kubeadm${part}`, hosts, stopService({ service: units.kubeadm }), before);
    const kubelet = g.add(`stop-kubelet${part}`, hosts, stopService({ service: units.kubelet }), {
      after: sameHost(kubeadm),
    });
    const disabled = g.add(`disable-kubelet${part}`, hosts, disableService({ service: units.kubelet }), {
      after: sameHost(kubelet),
    });
    const ended = runtimeGroups(ctx, hosts).map(({ runtime, hosts: same }, group) =>
      g.add(`remove-pods${part}-${group + 1}`, same, removePods({ endpoint: endpointOf(runtime.type).socket }), {
        after: sameHost(disabled),
      }),
    );
    refs.push(...ended);
    before = { after: ended };
  }
  return refs;
}

interface Cleaning {
  readonly hosts: readonly HostName[];
  readonly wipeData: boolean;
  readonly after: After;
}

/** Runtime, pod network, files and mounts of Kubernetes. */
function cleanNodes(g: Draft<StepContext>, ctx: PlanContext, { hosts, wipeData, after }: Cleaning): readonly Ref[] {
  const runtimes = runtimeGroups(ctx, hosts).map(({ runtime, hosts: same }, group) => {
    const part = draft<StepContext>(`runtime-${group + 1}`);
    part.include(uninstallContainerRuntime({ runtime, hosts: same, wipeData, tools: false }));
    return g.include(part.done(), { after });
  });
  const ended = sameHost(runtimes, { where: 'present' });
  const network = g.add('pod-network', hosts, removePodNetwork({}), { after: ended });
  const wiped = [...nodeFiles.directories, ...(wipeData ? nodeFiles.logs : [])].map((path) =>
    g.add(`wipe-${path.slice(1).replaceAll('/', '-')}`, hosts, wipeDirectory({ path }), { after: ended }),
  );
  const plugins = g.add('cni-plugins', hosts, removeExtracted({ into: hostPaths.cniBin, names: pluginNames }), {
    after: ended,
  });
  const bare = sameHost([network, ...wiped, plugins]);
  const files = [
    g.add('network-files', hosts, removeOwnFiles(networkFiles), { after: bare }),
    g.add('node-files', hosts, removeOwnFiles(nodeFiles.named), { after: bare }),
  ];
  const reloaded = g.add('daemon-reload', hosts, daemonReload({ units: [units.kubelet] }), { after: sameHost(files) });
  return [g.add('forget-units', hosts, forgetUnits({ units: units.all }), { after: sameHost(reloaded) })];
}

interface Restoring {
  readonly hosts: readonly HostName[];
  readonly params: ResetHosts;
  readonly after: After;
}

/** The operating system as it was; what kubexm knows of the host goes last, so that an interrupted run can go on. */
function restoreHosts(g: Draft<StepContext>, ctx: PlanContext, { hosts, params, after }: Restoring): void {
  const { etcd } = ctx.cluster.spec;
  const dataDir = etcd.type === 'kubexm' ? [etcd.dataDir] : [];
  const none = {};
  const sysctls = g.add('sysctl', hosts, restoreSysctls(none), { after });
  const keeper = g.add('time-keeper', hosts, restoreTimeKeeper(none), { after });
  const restored = [
    // Parameters of the bridge are gone with its module.
    g.add('modules', hosts, unloadModules(none), { after: sameHost(sysctls) }),
    g.add('swap', hosts, restoreSwap(none), { after }),
    g.add('hostname', hosts, restoreHostname(none), { after }),
    g.add('hosts-file', hosts, configureHostsFile({ entries: [] }), { after }),
    g.add('timezone', hosts, restoreTimezone(none), { after }),
    g.add('etcd-files', hosts, removeOwnFiles(etcdFiles(dataDir)), { after }),
    g.add('half-files', hosts, removeHalfFiles({ below: ['/etc', '/usr/local', '/opt'] }), { after }),
    params.purgePackages ? g.add('packages', hosts, purgeInstalledPackages(none), { after: sameHost(keeper) }) : keeper,
  ];
  const stamps = g.add('wipe-stamps', hosts, wipeDirectory({ path: hostMarks.serviceStamps }), {
    after: sameHost(restored),
  });
  g.add('wipe-state', hosts, wipeDirectory({ path: hostMarks.state }), { after: sameHost(stamps) });
}
