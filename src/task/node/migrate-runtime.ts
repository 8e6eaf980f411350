import type { ContainerRuntime } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type After, draft, type HostName, sameHost } from '../../plan/index.js';
import {
  cordonNode,
  criReady,
  daemonReload,
  drainNode,
  nodeReady,
  pullImages,
  type RuntimeReport,
  readRuntime,
  reconcileKubelet,
  reconcileNodes,
  renderTemplate,
  type StepContext,
  startService,
  stopService,
  uncordonNode,
} from '../../step/index.js';
import { artifactFor } from '../artifacts.js';
import { onHosts } from '../container-runtime/install.js';
import { registryLogins } from '../container-runtime/registry.js';
import { criEndpoint, endpointOf, runtimeComponents, runtimeOf } from '../container-runtime/runtime-hosts.js';
import { uninstallContainerRuntime } from '../container-runtime/uninstall.js';
import { defineTask, hostsWithRole, nodeHosts, type PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { imagesOf } from '../kubernetes/images.js';
import { speakerBeside } from '../kubernetes/init-host.js';
import { kubeletDocuments } from '../kubernetes/kubeadm-config.js';
import { osReady, runtimeReady } from '../milestones.js';

const report = 'cri:runtime';
const kubelet = 'kubelet.service';
/** kubeadm reads the socket of a node from here. */
const socketAnnotation = 'kubeadm.alpha.kubernetes.io/cri-socket';

export interface MigrateRuntime {
  readonly node: HostName;
  readonly to: ContainerRuntime['type'];
  /** What the node ran with when it was asked. */
  readonly observed: RuntimeReport;
  /** How long its pods may take to go. */
  readonly drainSeconds: number;
}

export const readNodeRuntime = (node: HostName) =>
  defineTask('read-runtime', () => {
    const g = draft<StepContext>('read-runtime');
    g.add('runtime', [node], readRuntime({ report }));
    return g.done();
  });

/** Everything that is downloaded for it, before the node is touched. */
export const fetchRuntime = (node: HostName) =>
  defineTask('fetch-runtime', (ctx) => {
    const g = draft<StepContext>('fetch-runtime');
    for (const component of runtimeComponents({ runtime: runtimeOf(ctx, node), hosts: [node] })) {
      g.include(artifactFor(ctx, component, node).ensurePlan(ctx));
    }
    return g.done();
  });

export function observeNodeRuntime(_ctx: PlanContext, findings: Findings): RuntimeReport {
  const [found] = reported<RuntimeReport>(findings, report);
  if (found) return found.data;
  throw new KubexmError('COMMAND_FAILED', 'the node does not say which container runtime it uses', {
    details: findings.failures.map(({ host, message }) => `${host}: ${message}`),
  });
}

/**
 * One node from one runtime to the other, in the only order that loses nothing: its pods move away, the kubelet stops, the
 * old runtime goes with what is left of its pods, the new one comes, the kubelet learns of it and starts. Where the
 * kubelet uses the new one already, an earlier run came that far: what follows is looked after.
 */
export const migrateRuntime = (params: MigrateRuntime) =>
  defineTask('migrate-runtime', (ctx) => {
    const { node, to, observed, drainSeconds } = params;
    const switched = observed.endpoint === endpointOf(to).socket;
    const speaker = speakerBeside(ctx, [node]);
    const g = draft<StepContext>('migrate-runtime');
    g.provide(osReady, []);
    let before: After = [];
    if (!switched) {
      const cordoned = g.add('cordon', [speaker], cordonNode({ node, operation: 'node migrate-runtime' }));
      const drained = g.add('drain', [speaker], drainNode({ node, timeoutSeconds: drainSeconds }), { after: cordoned });
      const stopped = g.add('stop-kubelet', [node], stopService({ service: kubelet }), { after: drained });
      before = g.include(
        uninstallContainerRuntime({ runtime: otherRuntime(ctx, node), hosts: [node], wipeData: false, tools: false }),
        { after: stopped },
      );
    }
    const installed = g.include(onHosts(ctx, 'install', [node]), { after: before });
    const { socket, unit } = criEndpoint(ctx, node);
    const answers = g.add('verify', [node], criReady({ endpoint: socket }), { after: installed });
    g.provide(runtimeReady, answers);
    const logins = registryLogins(ctx);
    const pulled = g.add(
      'pull-images',
      [node],
      pullImages({
        endpoint: socket,
        images: imagesFor(ctx, node),
        ...(Object.keys(logins).length > 0 ? { logins } : {}),
      }),
      { after: answers },
    );
    const written = g.add(
      'write-kubelet-unit',
      [node],
      renderTemplate({
        template: 'kubernetes/kubelet.service',
        data: { runtimeUnit: unit },
        target: `${hostPaths.units}/${kubelet}`,
      }),
      { after: answers },
    );
    const reloaded = g.add('daemon-reload', [node], daemonReload({ units: [kubelet] }), { after: written });
    const told = g.add(
      'kubelet',
      [node],
      reconcileKubelet({
        nodeName: node,
        role: hostsWithRole(ctx, 'control-plane').includes(node) ? 'control-plane' : 'worker',
        documents: kubeletDocuments(ctx, node),
      }),
      { after: sameHost([pulled, reloaded]) },
    );
    const started = g.add('start-kubelet', [node], startService({ service: kubelet }), { after: told });
    const annotated = g.add(
      'annotate',
      [speaker],
      reconcileNodes({
        nodes: [
          {
            name: node,
            labels: {},
            annotations: { [socketAnnotation]: socket },
            taints: [],
            absentTaints: [],
            partial: true,
          },
        ],
      }),
      { after: started },
    );
    const ready = g.add('node-ready', [speaker], nodeReady({ node, runtime: to }), { after: annotated });
    g.add('uncordon', [speaker], uncordonNode({ node }), { after: ready });
    return g.done();
  });

/** The runtime that is to go, with the cluster's settings of it where they are known. */
function otherRuntime(ctx: PlanContext, node: HostName): ContainerRuntime {
  const wanted = runtimeOf(ctx, node);
  const others = [ctx.cluster.spec.kubernetes.containerRuntime, ...nodeHosts(ctx).map((host) => runtimeOf(ctx, host))];
  const known = others.find(({ type }) => type !== wanted.type);
  if (known) return known;
  const { runcVersion, cniPluginsVersion, crictlVersion, version } = wanted;
  const common = { runcVersion, cniPluginsVersion, crictlVersion, version };
  // Only names are needed of what goes.
  return wanted.type === 'docker'
    ? { type: 'containerd', ...common, containerd: { extraConfig: {}, drainBeforeRestart: false } }
    : {
        type: 'docker',
        ...common,
        criDockerdVersion: '',
        docker: {
          packages: ['docker-ce', 'docker-ce-cli', 'containerd.io', 'docker.io'],
          repository: { type: 'docker' },
          extraConfig: {},
        },
      };
}

function imagesFor(ctx: PlanContext, node: HostName): readonly string[] {
  const { controlPlane, everyNode, dns, endpoint } = imagesOf(ctx.cluster);
  return hostsWithRole(ctx, 'control-plane').includes(node)
    ? [...controlPlane, ...everyNode, ...dns, ...endpoint.controlPlane]
    : [...everyNode, ...endpoint.worker];
}
