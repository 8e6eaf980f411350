import { draft, type HostName } from '../../plan/index.js';
import {
  type CertificatesReport,
  type NodeObject,
  nodeDifference,
  readCertificates,
  readObjects,
  type StepContext,
} from '../../step/index.js';
import { defineTask, hostNamed, hostsWithRole, nodeHosts, type PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { servingHosts } from '../kubernetes/init-host.js';
import { wantedNodes } from '../kubernetes/label-nodes.js';

const reports = { nodes: 'nodes:objects', certificates: 'nodes:certificates' } as const;

/** A node as the API has it. */
export interface ApiNode extends NodeObject {
  readonly metadata: NodeObject['metadata'] & { readonly creationTimestamp?: string };
  readonly spec: NodeObject['spec'] & { readonly unschedulable?: boolean };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: {
      readonly kubeletVersion: string;
      readonly containerRuntimeVersion: string;
      readonly kernelVersion: string;
      readonly osImage: string;
    };
  };
}

/** A node of the cluster, or a host of the config that should be one. */
export interface ListedNode {
  readonly name: string;
  /** `absent`: in the config, and no node. `unknown`: the API did not tell, or the node does not report to it. */
  readonly state: 'ready' | 'not-ready' | 'unknown' | 'absent';
  readonly inConfig: boolean;
  readonly roles: readonly string[];
  readonly cordoned: boolean;
  /** ISO 8601. */
  readonly createdAt?: string;
  readonly address?: string;
  readonly kubelet?: string;
  readonly runtime?: string;
  readonly kernel?: string;
  readonly os?: string;
  /** Of the kubelet's client certificate, whole days; absent where the host could not be asked. */
  readonly certificateDays?: number;
  /** Conditions that are not as they should be, with their reasons. */
  readonly conditions: readonly string[];
  /** How it differs from the config. */
  readonly drift: readonly string[];
}

/** The nodes, as far as they could be asked. */
export interface NodesObservation {
  /** Null: no control plane answered. */
  readonly objects: readonly ApiNode[] | null;
  readonly nodes: readonly ListedNode[];
  readonly failures: Findings['failures'];
}

/** Asks the API for the nodes; `certificates`: and every host for its kubelet's certificate. */
export const readNodes = ({ certificates }: { readonly certificates: boolean }) =>
  defineTask('read-nodes', (ctx) => {
    const g = draft<StepContext>('read-nodes');
    g.add('objects', servingHosts(ctx).slice(0, 1), readObjects({ report: reports.nodes, kinds: 'nodes' }));
    const hosts = certificates ? nodeHosts(ctx).filter((host) => ctx.facts.has(host)) : [];
    const directories = ['/var/lib/kubelet/pki'];
    g.add('certificates', hosts, readCertificates({ report: reports.certificates, directories }));
    return g.done();
  });

export function observeNodes(ctx: PlanContext, findings: Findings): NodesObservation {
  const [read] = reported<{ readonly items: readonly ApiNode[] }>(findings, reports.nodes);
  const objects = read?.data.items ?? null;
  const days = new Map(
    reported<CertificatesReport>(findings, reports.certificates).map(({ host, data }) => [host, kubeletDays(data)]),
  );
  const configured = nodeHosts(ctx);
  const others = (objects ?? []).map(({ metadata }) => metadata.name).filter((name) => !configured.includes(name));
  const nodes = [...configured, ...others.toSorted()].map((name) =>
    listed(ctx, { name, objects, certificateDays: days.get(name) }),
  );
  return { objects, nodes, failures: findings.failures };
}

/** The newest of those that were rotated. */
function kubeletDays({ certificates }: CertificatesReport): number | undefined {
  const days = certificates.filter(({ name }) => name.includes('/kubelet-client-')).map(({ daysLeft }) => daysLeft);
  return days.length === 0 ? undefined : Math.floor(Math.max(...days));
}

function listed(
  ctx: PlanContext,
  {
    name,
    objects,
    certificateDays,
  }: {
    readonly name: HostName;
    readonly objects: NodesObservation['objects'];
    readonly certificateDays: number | undefined;
  },
): ListedNode {
  const inConfig = nodeHosts(ctx).includes(name);
  const node = objects?.find(({ metadata }) => metadata.name === name);
  const info = node?.status?.nodeInfo;
  const address = node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  const createdAt = node?.metadata.creationTimestamp;
  return {
    name,
    state: stateOf(node, objects),
    inConfig,
    roles: inConfig ? rolesInConfig(ctx, name) : rolesOf(node),
    cordoned: node?.spec.unschedulable === true,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(address === undefined ? {} : { address }),
    ...(info === undefined
      ? {}
      : {
          kubelet: info.kubeletVersion,
          runtime: info.containerRuntimeVersion,
          kernel: info.kernelVersion,
          os: info.osImage,
        }),
    ...(certificateDays === undefined ? {} : { certificateDays }),
    conditions: badConditions(node),
    drift: node === undefined ? [] : driftOf(ctx, node, inConfig),
  };
}

function stateOf(node: ApiNode | undefined, objects: NodesObservation['objects']): ListedNode['state'] {
  if (objects === null) return 'unknown';
  if (node === undefined) return 'absent';
  switch (node.status?.conditions?.find(({ type }) => type === 'Ready')?.status) {
    case 'True':
      return 'ready';
    case 'False':
      return 'not-ready';
    default:
      return 'unknown';
  }
}

/** Ready should be true, everything else (pressures, an unavailable network) false. */
function badConditions(node: ApiNode | undefined): string[] {
  return (node?.status?.conditions ?? [])
    .filter(({ type, status }) => status !== (type === 'Ready' ? 'True' : 'False'))
    .map(({ type, status, reason, message }) => `${type} is ${status}: ${message || reason || 'no reason given'}`);
}

function driftOf(ctx: PlanContext, node: ApiNode, inConfig: boolean): string[] {
  if (!inConfig) return ['is not in the config'];
  const { name } = node.metadata;
  const { version } = ctx.cluster.spec.kubernetes;
  const { kubeletVersion = version, containerRuntimeVersion = '' } = node.status?.nodeInfo ?? {};
  const { type } = hostNamed(ctx, name).containerRuntime;
  const wanted = wantedNodes(ctx).find((each) => each.name === name);
  return [
    ...(kubeletVersion === version ? [] : [`kubelet ${kubeletVersion}, not ${version}`]),
    ...(containerRuntimeVersion === '' || containerRuntimeVersion.startsWith(`${type}://`)
      ? []
      : [`runs ${containerRuntimeVersion}, not ${type}`]),
    ...(wanted === undefined ? [] : nodeDifference(wanted, node).map(({ because }) => because)),
  ];
}

function rolesInConfig(ctx: PlanContext, name: HostName): string[] {
  return (['control-plane', 'worker', 'etcd'] as const).filter((role) => hostsWithRole(ctx, role).includes(name));
}

function rolesOf(node: ApiNode | undefined): string[] {
  const prefix = 'node-role.kubernetes.io/';
  return Object.keys(node?.metadata.labels ?? {}).flatMap((label) =>
    label.startsWith(prefix) ? [label.slice(prefix.length)] : [],
  );
}
