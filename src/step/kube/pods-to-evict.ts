/** What eviction looks at of a pod. */
export interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly controller?: boolean }[];
  };
  readonly spec?: { readonly volumes?: readonly { readonly name: string; readonly emptyDir?: object | null }[] };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface BudgetObject {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly unhealthyPodEvictionPolicy?: string;
    readonly selector?: {
      readonly matchLabels?: Readonly<Record<string, string>>;
      readonly matchExpressions?: readonly {
        readonly key: string;
        readonly operator: string;
        readonly values?: readonly string[];
      }[];
    };
  };
  readonly status?: {
    readonly disruptionsAllowed?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
  };
}

/** Pods that a drain moves away, those that nobody would make anew elsewhere, and those with data on the node's disk. */
export function podsToEvict(pods: readonly PodObject[]): {
  readonly evict: readonly PodObject[];
  readonly unmanaged: readonly PodObject[];
  readonly local: readonly PodObject[];
} {
  const moving = pods.filter(({ metadata, status }) => {
    // Static pods belong to the kubelet's files, those of DaemonSets to the node, and finished ones run nowhere.
    if (metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return false;
    if (controllerOf(metadata) === 'DaemonSet') return false;
    return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
  });
  return {
    evict: moving,
    unmanaged: moving.filter(({ metadata }) => controllerOf(metadata) === undefined),
    local: moving.filter(({ spec }) => spec?.volumes?.some(({ emptyDir }) => emptyDir !== undefined)),
  };
}

/** Budgets that cover a pod, as `web/web-pdb (3 of 3 healthy pods are needed)`. */
export function budgetsOf(pod: PodObject, budgets: readonly BudgetObject[]): string[] {
  return budgets
    .filter(
      ({ metadata, spec }) =>
        metadata.namespace === pod.metadata.namespace && selects(spec.selector, pod.metadata.labels),
    )
    .map(({ metadata, status }) => {
      const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
      return `${metadata.namespace}/${metadata.name} (${desiredHealthy} healthy pods are needed, there are ${currentHealthy})`;
    });
}

/**
 * Whether a budget that covers a pod has a say: no pod that waits to run is kept, and one that is not ready is not where the
 * budget says so, or has enough others. https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy
 */
export function isKept({ status }: PodObject, budget: BudgetObject): boolean {
  if (status?.phase === 'Pending') return false;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined || ready.status === 'True') return true;
  if (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return false;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return !(desiredHealthy > 0 && currentHealthy >= desiredHealthy);
}

export function podName({ metadata }: PodObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function controllerOf({ ownerReferences = [] }: PodObject['metadata']): string | undefined {
  return ownerReferences.find(({ controller }) => controller === true)?.kind;
}

/** An empty selector is for all pods of the namespace. */
function selects(
  selector: BudgetObject['spec']['selector'] = {},
  labels: Readonly<Record<string, string>> = {},
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        default:
          // What is not understood may well be the reason.
          return true;
      }
    })
  );
}
