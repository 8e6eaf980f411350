import type { ContainerRuntime } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths, ports } from '../../common/host-paths.js';
import type { HostName } from '../../plan/index.js';
import type { CheckHost, HostFacts } from '../../step/index.js';
import { oncePer } from '../../util/memo.js';
import { hostNamed, hostsWithRole, internalAddress, nodeHosts, type PlanContext } from '../context.js';
import { addressKeepers, isBalanced, servesItself } from '../endpoint/hosts.js';
import { onCgroupV1 } from '../kubernetes/cgroup-v1.js';
import { certificateFiles } from '../pki.js';

const mib = 2 ** 20;
const gib = 2 ** 30;

/** What kubeadm, kubelet, kube-proxy and kubexm itself call on every host. */
const nodeCommands = ['systemctl', 'tar', 'bash', 'ip', 'iptables', 'conntrack', 'mount', 'sysctl', 'modprobe'];
const etcdCommands = ['systemctl', 'tar', 'bash'];

/** Ports by role, with the program that holds them once the cluster is there. */
const controlPlanePorts = [
  { port: ports.apiserver, owner: 'kube-apiserver', purpose: 'kube-apiserver' },
  { port: ports.controllerManager, owner: 'kube-controller-manager', purpose: 'kube-controller-manager' },
  { port: ports.scheduler, owner: 'kube-scheduler', purpose: 'kube-scheduler' },
];
const kubeletPorts = [{ port: ports.kubelet, owner: 'kubelet', purpose: 'kubelet' }];
const etcdPorts = [
  { port: ports.etcdClient, owner: 'etcd', purpose: 'etcd clients' },
  { port: ports.etcdPeer, owner: 'etcd', purpose: 'etcd peers' },
];

/** What this host must be able to do for its roles, seen beside the others. */
export function requirementsOf(ctx: PlanContext, host: HostName): CheckHost {
  const { etcd } = ctx.cluster.spec;
  const isNode = nodeHosts(ctx).includes(host);
  const isControlPlane = hostsWithRole(ctx, 'control-plane').includes(host);
  const isEtcd = etcd.type === 'kubexm' && hostsWithRole(ctx, 'etcd').includes(host);
  const etcdDataDir = etcd.type === 'kubexm' ? etcd.dataDir : '/var/lib/etcd';
  const mtu = commonMtu(ctx);
  return {
    // kubeadm's own preflight: two CPUs and 1700 MB for a control plane.
    cpus: isControlPlane ? 2 : 1,
    memoryBytes: isControlPlane ? 1700 * 10 ** 6 : isNode ? 700 * 10 ** 6 : 400 * 10 ** 6,
    disk: diskNeeds({
      isNode,
      runtime: hostNamed(ctx, host).containerRuntime.type,
      ...(isEtcd ? { etcdDataDir } : {}),
    }),
    commands: [...new Set([...(isNode ? nodeCommands : []), ...(isEtcd ? etcdCommands : [])])],
    ports: [
      ...(isControlPlane ? controlPlanePorts : []),
      ...(isNode ? kubeletPorts : []),
      ...(isEtcd ? etcdPorts : []),
      ...balancerPorts(ctx, host),
    ],
    kubelet: isNode,
    etcd: isEtcd,
    cgroupV1: onCgroupV1(ctx.cluster) === 'refused' ? 'refused' : 'fine',
    sameHostname: others(hostnames(ctx.facts), host),
    sameMachineId: others(machineIds(ctx.facts), host),
    sameProductUuid: others(productUuids(ctx.facts), host),
    medianClockSkewSeconds: medianSkew(ctx.facts),
    ...(mtu === undefined ? {} : { mtu }),
    internalAddress: internalAddress(ctx, host),
    ownCa: {
      kubernetes: certificateFiles(ctx, 'kubernetes', 'ca').cert,
      etcd: certificateFiles(ctx, 'etcd', 'ca').cert,
    },
    etcdDataDir,
  };
}

/** Of a haproxy in front of the API servers. */
function balancerPorts(ctx: PlanContext, host: HostName): CheckHost['ports'] {
  const { port } = ctx.cluster.spec.controlPlaneEndpoint;
  const balances = isBalanced(ctx, host) || (addressKeepers(ctx).includes(host) && !servesItself(ctx, host));
  if (!balances) return [];
  return [
    { port, owner: 'haproxy', purpose: 'haproxy in front of the API servers' },
    { port: ports.haproxyHealth, owner: 'haproxy', purpose: "haproxy's health" },
  ];
}

/** Estimates: programs and archives of all components with room to replace one, images and logs of a first day. */
function diskNeeds({
  isNode,
  runtime,
  etcdDataDir,
}: {
  readonly isNode: boolean;
  readonly runtime: ContainerRuntime['type'];
  readonly etcdDataDir?: string;
}): CheckHost['disk'] {
  // The kubelet has its kubeconfig at the end of a join, when programs and images of the node are there.
  const joined = isNode ? [`${hostPaths.kubernetes}/kubelet.conf`] : [];
  const founded = etcdDataDir === undefined ? [] : [`${etcdDataDir}/member`];
  const until = [...joined, ...founded];
  const programs = [
    ...(isNode ? ['kubelet', 'kubeadm', 'kubectl', 'crictl', 'containerd', 'containerd-shim-runc-v2', 'ctr'] : []),
    ...(etcdDataDir === undefined ? [] : ['etcd', 'etcdctl', 'etcdutl']),
  ].map((name) => `${hostPaths.bin}/${name}`);
  const own = (path: string, bytes: number, done: readonly string[]) => ({ path, bytes, until: done, holds: [path] });
  return [
    { path: '/etc', bytes: 16 * mib, until, holds: [hostPaths.kubernetes, '/etc/etcd', '/etc/containerd'] },
    { path: hostPaths.bin, bytes: gib / 2, until, holds: programs },
    own('/var/lib/kubexm', gib / 2, until),
    ...(isNode
      ? [
          own(hostPaths.cniBin, 128 * mib, joined),
          own(runtime === 'docker' ? '/var/lib/docker' : '/var/lib/containerd', 2 * gib, joined),
          own('/var/lib/kubelet', gib, joined),
        ]
      : []),
    ...(etcdDataDir === undefined ? [] : [own(etcdDataDir, 2 * gib, founded)]),
  ];
}

/** By what hosts say of themselves: who says it. */
const hostnames = oncePer((facts: PlanContext['facts']) => grouped(facts, (each) => each.hostname));
const machineIds = oncePer((facts: PlanContext['facts']) => grouped(facts, (each) => each.machineId));
const productUuids = oncePer((facts: PlanContext['facts']) => grouped(facts, (each) => each.productUuid));

function grouped(
  facts: PlanContext['facts'],
  of: (facts: HostFacts) => string,
): ReadonlyMap<HostName, readonly HostName[]> {
  const byValue = new Map<string, HostName[]>();
  for (const [name, own] of facts) {
    // What a host does not know is the same as nothing.
    if (of(own) !== '') byValue.set(of(own), [...(byValue.get(of(own)) ?? []), name]);
  }
  return new Map([...byValue.values()].flatMap((names) => names.map((name) => [name, names] as const)));
}

/** Hosts that say the same of themselves. */
function others(groups: ReadonlyMap<HostName, readonly HostName[]>, host: HostName): HostName[] {
  return (groups.get(host) ?? []).filter((name) => name !== host);
}

const commonMtu = oncePer((ctx: PlanContext): number | undefined => {
  const counts = new Map<number, number>();
  for (const [name, facts] of ctx.facts) {
    const mtu = facts.ipv4.find((each) => each.address === internalAddress(ctx, name))?.mtu;
    if (mtu !== undefined) counts.set(mtu, (counts.get(mtu) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
});

const medianSkew = oncePer((facts: PlanContext['facts']) =>
  Math.round(median([...facts.values()].map((each) => each.clockSkewMs)) / 1000),
);

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
