import type { Cluster, Role } from '../../apis/kubexms/v1alpha1/index.js';
import { kubernetesPrograms } from '../../common/kubernetes-programs.js';
import { KubexmError } from '../../errors/index.js';
import { type After, type Draft, draft, type HostName, output } from '../../plan/index.js';
import {
  cordonNode,
  drainNode,
  kubeadmAddon,
  nodeReady,
  placeKubernetesTool,
  pullImages,
  removeFile,
  type StepContext,
  settleKubelet,
  uncordonNode,
  upgradeControlPlane,
  upgradeKubelet,
  uploadKubeadmConfig,
} from '../../step/index.js';
import { coreDns } from '../addons/coredns.js';
import { addReadiness } from '../addons/verify.js';
import { artifactsFor, placeBinary } from '../artifacts.js';
import { apiServed } from '../certs/control-plane.js';
import { onHosts } from '../container-runtime/install.js';
import { registryLogins } from '../container-runtime/registry.js';
import { criEndpoint, runtimeComponents, runtimeGroups } from '../container-runtime/runtime-hosts.js';
import { defineTask, type Fragment, hostsWithRole, nodeHosts, type PlanContext } from '../context.js';
import { snapshotFirst } from '../etcd/snapshot.js';
import { controlPlaneFiles } from '../kubernetes/control-plane-files.js';
import { imagesOf } from '../kubernetes/images.js';
import { initHost, speakerBeside } from '../kubernetes/init-host.js';
import { ignoredChecks } from '../kubernetes/kubeadm-checks.js';
import { initDocuments, kubeletDocuments } from '../kubernetes/kubeadm-config.js';
import { osReady } from '../milestones.js';
import { drained } from './drain-obstacles.js';
import { inBatches } from './max-unavailable.js';
import type { UpgradeObservation } from './observation.js';
import type { UpgradeStage } from './stages.js';

/** Who has cordoned a node, as it says there. */
const operation = 'cluster upgrade';

export interface UpgradeCluster {
  readonly observed: UpgradeObservation;
  /** The config as of each version, in the order of the path. */
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** The config as of what the cluster says that it runs. */
  readonly from: Cluster;
  /** What is done until the next pause, or until the end. */
  readonly stages: readonly UpgradeStage[];
  /** Workers that are away at once. */
  readonly atOnce: number;
  readonly canary?: HostName;
  readonly certificateRenewal: boolean;
  /** How long the pods of one node may take to go. */
  readonly drainSeconds: number;
}

/** A snapshot of etcd, and everything of all versions on its host: all that is done before anything stops. */
export const prepareUpgrade = (params: UpgradeCluster) =>
  defineTask('prepare-upgrade', (ctx) => {
    const g = draft<StepContext>('prepare-upgrade');
    const { observed, stages } = params;
    if (stages.every(({ done }) => done)) return g.done();
    if (ctx.cluster.spec.etcd.type !== 'external') g.include(snapshotFirst(ctx, observed.etcd));
    for (const [version, cluster] of params.clusters) {
      const of = { ...ctx, cluster };
      const hosts = stillOf(params, version);
      if (hosts.length === 0) continue;
      g.include(staged(of, version, hosts));
    }
    const [last] = [...params.clusters.values()].slice(-1);
    if (last !== undefined) fetchRuntimes(g, { ...ctx, cluster: last });
    return g.done();
  });

/** What the runtimes of the last version need is here before the first node is drained for it. */
function fetchRuntimes(g: Draft<StepContext>, ctx: PlanContext): void {
  for (const group of runtimeGroups(ctx)) {
    for (const component of runtimeComponents(group)) {
      for (const artifact of artifactsFor(ctx, component, group.hosts)) g.include(artifact.ensurePlan(ctx));
    }
  }
}

/** Hosts that have something of their own to do for a version until the next pause. */
function stillOf({ stages }: UpgradeCluster, version: string): readonly HostName[] {
  const open = stages.filter((stage) => stage.version === version && !stage.done);
  return [...new Set(open.flatMap(({ hosts }) => hosts))];
}

function staged(ctx: PlanContext, version: string, hosts: readonly HostName[]): Fragment {
  const g = draft<StepContext>(`stage-${version}`);
  const controlPlanes = own(ctx, 'control-plane', hosts);
  const place = (name: 'kubelet' | 'kubeadm' | 'kubectl', on: readonly HostName[]) =>
    placeBinary({ g, ctx, component: { name, version }, hosts: on }, `${kubernetesPrograms.staged(version)}/${name}`);
  place('kubelet', hosts);
  place('kubeadm', hosts);
  if (controlPlanes.length > 0) place('kubectl', controlPlanes);
  const { controlPlane, everyNode, dns } = imagesOf(ctx.cluster);
  const logins = registryLogins(ctx);
  // kube-proxy comes to all nodes with the control plane, and CoreDNS may come to any: also before a pause.
  g.addEach('pull-images', nodeHosts(ctx), (host) =>
    pullImages({
      endpoint: criEndpoint(ctx, host).socket,
      images: [...new Set([...(controlPlanes.includes(host) ? controlPlane : []), ...everyNode, ...dns])],
      ...(Object.keys(logins).length > 0 ? { logins } : {}),
    }),
  );
  return g.done();
}

/** Version by version: the control planes, their kubelets, the canary, the other workers, and the proof that all is well. */
export const rollUpgrade = (params: UpgradeCluster) =>
  defineTask('upgrade', (ctx) => {
    const g = draft<StepContext>('upgrade');
    // Nodes have been made ready when they were new.
    g.provide(osReady, []);
    let before: After = [];
    let { from } = params;
    for (const [version, cluster] of params.clusters) {
      const of = { ...ctx, cluster };
      const stages = params.stages.filter((stage) => stage.version === version);
      if (stages.length === 0) break;
      before = g.include(versionFragment(of, { params, version, stages, from }), { after: before });
      from = cluster;
    }
    return g.done();
  });

interface OneVersion {
  readonly params: UpgradeCluster;
  readonly version: string;
  readonly stages: readonly UpgradeStage[];
  /** The config as of the version before. */
  readonly from: Cluster;
}

function versionFragment(ctx: PlanContext, one: OneVersion): Fragment {
  const { params, version, stages } = one;
  const g = draft<StepContext>(version);
  let before: After = [];
  for (const stage of stages) {
    switch (stage.name) {
      case 'control-plane':
        before = controlPlaneStage(g, ctx, { ...one, stage, before });
        for (const host of stage.hosts) before = g.include(nodeFragment(ctx, one, stage, host), { after: before });
        break;
      case 'canary':
      case 'workers':
        for (const batch of inBatches(stage.hosts, stage.name === 'canary' ? 1 : params.atOnce)) {
          before = batch.map((host) => g.include(nodeFragment(ctx, one, stage, host), { after: before }));
        }
        break;
      case 'end':
        addReadiness(g, ctx, before);
        break;
    }
  }
  return g.done();
}

/** The static pods of one host after the other, and what kubeadm keeps in the cluster. */
function controlPlaneStage(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { params, version, stage, from, before }: OneVersion & { readonly stage: UpgradeStage; readonly before: After },
): After {
  const { observed, certificateRenewal } = params;
  const first = initHost(ctx);
  const documents = initDocuments(ctx, first);
  // What the manifests of the new version name is there before kubeadm writes them.
  const files = controlPlaneFiles(g, ctx, { hosts: hostsWithRole(ctx, 'control-plane'), after: before });
  let after: After = files.length > 0 ? files : before;
  // What kubeadm goes by is the cluster's own configuration: it is to be that of the config before the first host follows it.
  if (!stage.started && observed.objects.configVersion === from.spec.kubernetes.version) {
    after = g.add(
      'tell-config',
      [first],
      uploadKubeadmConfig({
        documents: initDocuments({ ...ctx, cluster: from }, first),
        configMaps: ['kubeadm-config', 'kubelet-config'],
      }),
      { after },
    );
  }
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  after = g.add('place-kubeadm', controlPlanes, placeKubernetesTool({ name: 'kubeadm', to: version }), { after });
  for (const host of [first, ...controlPlanes.filter((name) => name !== first)]) {
    const step = upgradeControlPlane({
      nodeName: host,
      to: version,
      first: host === first,
      certificateRenewal,
      ignorePreflightErrors: [...ignoredChecks(ctx, host), ...(host === first ? ignoredDnsChecks(ctx) : [])],
      skipPhases: coreDns(ctx).isOwnRelease ? ['addon/coredns'] : [],
      documents: initDocuments(ctx, host),
    });
    const upgraded = g.add(`control-plane-${host}`, [host], step, { after });
    // kubeadm is content with a pod that runs; the next one is stopped only when this one answers and knows who may do what.
    after = g.add(`api-${host}`, [host], apiServed(ctx, host), { after: upgraded });
  }
  after = g.add(
    'upload-config',
    [first],
    uploadKubeadmConfig({ documents, configMaps: ['kubeadm-config', 'kubelet-config'] }),
    { after },
  );
  after = g.add('kube-proxy', [first], uploadKubeadmConfig({ documents, configMaps: ['kube-proxy'] }), { after });
  return g.add('coredns', [first], kubeadmAddon({ ...coreDns(ctx), documents }), {
    after,
  });
}

/** kubeadm knows how to migrate from the releases of CoreDNS that it brings itself, and stops at all others. */
function ignoredDnsChecks(ctx: PlanContext): readonly string[] {
  return coreDns(ctx).isOwnRelease ? ['CoreDNSUnsupportedPlugins', 'CoreDNSMigration'] : [];
}

/** One node: its pods move away, its runtime and kubelet change, it is Ready, it takes pods again. */
function nodeFragment(
  ctx: PlanContext,
  { params, version }: OneVersion,
  stage: UpgradeStage,
  node: HostName,
): Fragment {
  const { observed, clusters, drainSeconds } = params;
  const path = [...clusters.keys()];
  const isControlPlane = hostsWithRole(ctx, 'control-plane').includes(node);
  const speaker = speakerBeside(ctx, [node]);
  const made = stage.made.includes(node);
  const g = draft<StepContext>(`node-${node}`);
  let after: After = [];
  if (!isControlPlane) after = g.add('place-kubeadm', [node], placeKubernetesTool({ name: 'kubeadm', to: version }));
  if (!made && drained(ctx, observed, path).includes(node)) {
    const cordoned = g.add('cordon', [speaker], cordonNode({ node, operation }), { after });
    after = g.add('drain', [speaker], drainNode({ node, timeoutSeconds: drainSeconds }), { after: cordoned });
  }
  // The sandbox image and crictl go with the version; while the node is empty is the time to restart its runtime.
  if (!made && version === path.at(-1)) after = g.include(onHosts(ctx, 'runtime', [node], { inUse: true }), { after });
  const kubelet = {
    nodeName: node,
    role: isControlPlane ? ('control-plane' as const) : ('worker' as const),
    documents: kubeletDocuments(ctx, node),
    to: version,
    ignorePreflightErrors: ignoredChecks(ctx, node),
  };
  after = g.add('kubelet', [node], upgradeKubelet(kubelet), { after });
  if (isControlPlane)
    after = g.add('kubectl', [node], placeKubernetesTool({ name: 'kubectl', to: version }), { after });
  const verdict = output<string>(`node-ready:${version}:${node}`);
  const ready = g.add('ready', [speaker], nodeReady({ node, kubelet: version, verdict }), { after });
  const settled = g.add('settle-kubelet', [node], settleKubelet({ ...kubelet, ready: verdict }), { after: ready });
  // A kubelet of another version makes the containers of its static pods anew: the API server of this host was away.
  const served = isControlPlane ? g.add('api', [node], apiServed(ctx, node), { after: settled }) : settled;
  const back = g.add('uncordon', [speaker], uncordonNode({ node, operation }), { after: served });
  // With the last version also what a run that was stopped between two has left.
  const leftovers = version === path.at(-1) ? kubernetesPrograms.staging : kubernetesPrograms.staged(version);
  g.add('remove-staged', [node], removeFile({ path: leftovers, recursive: true }), { after: back });
  return g.done();
}

function own(ctx: PlanContext, role: Role, hosts: readonly HostName[]): readonly HostName[] {
  const all = hostsWithRole(ctx, role);
  return hosts.filter((host) => all.includes(host));
}

/** Throws USAGE where the canary is no worker. */
export function requireWorker(ctx: PlanContext, canary: HostName | undefined): void {
  const workers = nodeHosts(ctx).filter((host) => !hostsWithRole(ctx, 'control-plane').includes(host));
  if (canary === undefined || workers.includes(canary)) return;
  throw new KubexmError('USAGE', `--canary ${canary}: no worker of the config has this name`, {
    hint: workers.length === 0 ? 'the config has no workers' : `one of ${workers.slice(0, 10).join(', ')}`,
    retryable: false,
  });
}
