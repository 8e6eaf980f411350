import { hostPaths } from '../../common/host-paths.js';
import { kubernetesPrograms } from '../../common/kubernetes-programs.js';
import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { script, sh } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';
import { awaitKubeadm } from './kubeadm-unit.js';
import { kubectl } from './kubectl.js';
import { kubeletVersions } from './kubernetes-programs.js';
import { type BudgetObject, type PodObject, podName } from './pods-to-evict.js';

/** What a node has in place. Versions with v. */
export interface NodeVersionsReport {
  /** The program in place, and the one that runs. Absent: there is none. */
  readonly installed?: string;
  readonly running?: string;
  /** Of the static pods, by component; empty on workers. */
  readonly controlPlane: { readonly [component: string]: string };
  /** An upgrade of its kubelet has begun and not ended. */
  readonly begun: boolean;
}

/** Reads which Kubernetes a node runs, and whether an upgrade of its kubelet was interrupted. */
export const readNodeVersions = defineStep<{ readonly report: string }>({
  kind: 'kube.read-versions',
  title: () => 'Read which Kubernetes runs',
  recheck: false,
  async precheck(ctx, p) {
    const { host, signal, log } = ctx;
    // One that an interrupted run has left at work: until it ends, versions change and the API server may not answer.
    await awaitKubeadm(ctx);
    const manifests = `${hostPaths.kubernetes}/manifests`;
    const [versions, { stdout }, mark] = await Promise.all([
      kubeletVersions(ctx),
      host.run(
        sh`cd ${manifests} 2>/dev/null || exit 0; for file in kube-*.yaml; do [ ! -e "$file" ] || grep -oE ${'image: *\\S+/kube-(apiserver|controller-manager|scheduler):v[^ @"]+'} "$file" || [ $? -eq 1 ]; done`,
        { signal },
      ),
      host.stat(kubernetesPrograms.mark, { signal }),
    ]);
    const found = [...stdout.matchAll(/\/(kube-[a-z-]+):(v\S+)$/gm)].map(([, name = '', version = '']) => [
      name,
      version,
    ]);
    const report: NodeVersionsReport = {
      ...versions,
      controlPlane: Object.fromEntries(found) as Record<string, string>,
      begun: mark !== undefined,
    };
    log('debug', p.report, report as unknown as Json);
    return satisfied(versions.running === undefined ? 'no kubelet runs' : `the kubelet is ${versions.running}`);
  },
  run: () => Promise.resolve(),
});

/** A request for what a later release does not serve any more. https://kubernetes.io/docs/reference/using-api/deprecation-guide/ */
export interface DeprecatedApi {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** `1.35`. */
  readonly removedRelease: string;
}

/** `server`: of the apiserver of this host, which counts only what it was asked itself. */
export const readDeprecatedApis = defineStep<{ readonly report: string; readonly server: string }>({
  kind: 'kube.read-deprecated-apis',
  title: () => 'Read which deprecated APIs are in use',
  recheck: false,
  async precheck(ctx, p) {
    const { host, signal, log } = ctx;
    await awaitKubeadm(ctx);
    const get = kubectl([`--server=${p.server}`, 'get', '--raw=/metrics']);
    const { stdout } = await host.run(
      script(
        `text=$(${get.text}) || exit 1; printf '%s\\n' "$text" | grep '^apiserver_requested_deprecated_apis{' || true`,
      ),
      { signal },
    );
    const apis = deprecatedApis(stdout);
    log('debug', p.report, apis as unknown as Json);
    return satisfied(`${apis.length} are in use`);
  },
  run: () => Promise.resolve(),
});

/** Pure: what the metric `apiserver_requested_deprecated_apis` tells; those that no release removes are left out. */
export function deprecatedApis(metrics: string): readonly DeprecatedApi[] {
  return metrics.split('\n').flatMap((line) => {
    const [, labels = '', value = ''] = /^apiserver_requested_deprecated_apis\{(.*)\} (\S+)/.exec(line) ?? [];
    const of = (name: string) => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const removedRelease = of('removed_release');
    if (!(Number(value) > 0) || removedRelease === '') return [];
    return [{ group: of('group'), version: of('version'), resource: of('resource'), removedRelease }];
  });
}

/** What decides whether nodes may be drained. */
export interface UpgradeObjects {
  readonly nodes: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly because: string;
    readonly kubelet: string;
    readonly cordoned: boolean;
    /** Such as `containerd://2.1.9`. */
    readonly runtime: string;
    /** Any pod may come to it: it is not cordoned, and has no taint that keeps pods away. */
    readonly takesPods: boolean;
  }[];
  /** Only what selects and names pods. */
  readonly pods: readonly PodObject[];
  readonly podNodes: { readonly [pod: string]: string };
  readonly budgets: readonly BudgetObject[];
  /** Of the ConfigMap kubeadm-config; absent where it does not say. */
  readonly configVersion?: string;
  /** The image of CoreDNS that runs; absent where kubeadm's Deployment is not there. */
  readonly coredns?: string;
}

interface ListedObject {
  readonly kind: string;
  readonly metadata: PodObject['metadata'];
  readonly spec?: PodObject['spec'] &
    BudgetObject['spec'] & {
      readonly nodeName?: string;
      readonly unschedulable?: boolean;
      readonly taints?: readonly { readonly effect: string }[];
    };
  readonly status?: Pick<NonNullable<PodObject['status']>, 'phase'> &
    BudgetObject['status'] & {
      readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
      readonly nodeInfo?: { readonly kubeletVersion?: string; readonly containerRuntimeVersion?: string };
    };
}

/** Nodes, pods, budgets and kubeadm's version, on a control plane host. */
export const readUpgradeObjects = defineStep<{ readonly report: string }>({
  kind: 'kube.read-upgrade-objects',
  title: () => 'Read nodes, pods and disruption budgets',
  recheck: false,
  async precheck(ctx, p) {
    const { host, signal, log } = ctx;
    await awaitKubeadm(ctx);
    const [objects, config, dns] = await Promise.all([
      host.run(kubectl(['get', 'nodes,pods,poddisruptionbudgets', '-A', '-o', 'json']), { signal }),
      host.run(
        kubectl([
          '-n',
          'kube-system',
          'get',
          'configmap/kubeadm-config',
          '-o',
          'jsonpath={.data.ClusterConfiguration}',
        ]),
        { signal },
      ),
      host.run(
        kubectl([
          '-n',
          'kube-system',
          'get',
          'deployment/coredns',
          '--ignore-not-found',
          '-o',
          'jsonpath={.spec.template.spec.containers[?(@.name=="coredns")].image}',
        ]),
        { signal },
      ),
    ]);
    const { items } = JSON.parse(objects.stdout) as { items: ListedObject[] };
    if (!items.some(({ kind }) => kind === 'Node'))
      throw new KubexmError('COMMAND_FAILED', `${host.name}: the API lists no nodes`);
    const version = /^kubernetesVersion: *"?(v[^"\s]+)/m.exec(config.stdout)?.[1];
    const coredns = dns.stdout.trim();
    const report: UpgradeObjects = {
      ...sorted(items),
      ...(version === undefined ? {} : { configVersion: version }),
      ...(coredns === '' ? {} : { coredns }),
    };
    log('debug', p.report, report as unknown as Json);
    return satisfied('the API answered');
  },
  run: () => Promise.resolve(),
});

function sorted(items: readonly ListedObject[]): Omit<UpgradeObjects, 'configVersion' | 'coredns'> {
  const pods = items.filter(({ kind }) => kind === 'Pod');
  return {
    nodes: items.flatMap(({ kind, metadata, spec, status }) => {
      if (kind !== 'Node') return [];
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      const kubelet = status?.nodeInfo?.kubeletVersion ?? '';
      const because = ready?.message ?? 'it has not reported yet';
      const cordoned = spec?.unschedulable === true;
      const tainted = spec?.taints?.some(({ effect }) => effect !== 'PreferNoSchedule') === true;
      return [
        {
          name: metadata.name,
          ready: ready?.status === 'True',
          because,
          kubelet,
          cordoned,
          runtime: status?.nodeInfo?.containerRuntimeVersion ?? '',
          takesPods: ready?.status === 'True' && !cordoned && !tainted,
        },
      ];
    }),
    pods: pods.map(({ metadata: { name, namespace, uid, labels, annotations, ownerReferences }, spec, status }) => {
      const mirror = annotations?.[mirrorAnnotation];
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      return {
        metadata: {
          name,
          namespace,
          uid,
          ...(labels === undefined ? {} : { labels }),
          ...(mirror === undefined ? {} : { annotations: { [mirrorAnnotation]: mirror } }),
          ...(ownerReferences === undefined ? {} : { ownerReferences }),
        },
        spec:
          spec?.volumes === undefined ? {} : { volumes: spec.volumes.map(({ name: volume }) => ({ name: volume })) },
        status: {
          ...(status?.phase === undefined ? {} : { phase: status.phase }),
          ...(ready === undefined ? {} : { conditions: [{ type: ready.type, status: ready.status }] }),
        },
      };
    }),
    podNodes: Object.fromEntries(pods.map((pod) => [podName(pod as PodObject), pod.spec?.nodeName ?? ''])),
    budgets: items.flatMap(({ kind, metadata: { name, namespace }, spec, status }) =>
      kind === 'PodDisruptionBudget'
        ? [
            {
              metadata: { name, namespace },
              spec: {
                ...(spec?.selector === undefined ? {} : { selector: spec.selector }),
                ...(spec?.unhealthyPodEvictionPolicy === undefined
                  ? {}
                  : { unhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy }),
              },
              status: {
                disruptionsAllowed: status?.disruptionsAllowed ?? 0,
                currentHealthy: status?.currentHealthy ?? 0,
                desiredHealthy: status?.desiredHealthy ?? 0,
              },
            },
          ]
        : [],
    ),
  };
}

/** What the kubelet itself made of a file: nothing that a drain moves. */
const mirrorAnnotation = 'kubernetes.io/config.mirror';
