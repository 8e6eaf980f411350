import { hostsWithRole, nodeHosts, type PlanContext } from '../context.js';
import { observedEtcd } from '../etcd/membership.fixture.js';
import type { UpgradeObservation } from './observation.js';

/** A cluster of which every node runs `version`, but for what is said of some; `begun`: an upgrade of its kubelet is open. */
export function observedUpgrade(
  ctx: PlanContext,
  version: string,
  {
    kubelets = {},
    apiservers = {},
    begun = [],
    etcd = '3.6.14',
    ...objects
  }: {
    readonly kubelets?: Readonly<Record<string, string>>;
    readonly apiservers?: Readonly<Record<string, string>>;
    readonly begun?: readonly string[];
    readonly etcd?: string;
  } & Partial<UpgradeObservation['objects']> = {},
): UpgradeObservation {
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const staticPods = (running: string) => ({
    'kube-apiserver': running,
    'kube-controller-manager': running,
    'kube-scheduler': running,
  });
  const nodes = nodeHosts(ctx);
  return {
    etcd: observedEtcd(
      ctx,
      hostsWithRole(ctx, 'etcd').map((host) => ({ host, version: etcd })),
    ),
    hosts: new Map(
      nodes.map((name) => {
        const kubelet = kubelets[name] ?? version;
        const controlPlane = controlPlanes.includes(name) ? staticPods(apiservers[name] ?? version) : {};
        return [name, { installed: kubelet, running: kubelet, controlPlane, begun: begun.includes(name) }];
      }),
    ),
    objects: {
      nodes: nodes.map((name) => ({
        name,
        ready: true,
        because: '',
        kubelet: version,
        cordoned: false,
        runtime: 'containerd://2.1.9',
        takesPods: !controlPlanes.includes(name),
      })),
      pods: [],
      podNodes: {},
      budgets: [],
      configVersion: version,
      ...objects,
    },
    stored: { apis: [], custom: [] },
    deprecated: [],
    uncounted: [],
  };
}
