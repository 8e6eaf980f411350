import type { CertificatesReport } from '../../step/index.js';
import { renewalProblems } from '../certs/renewal-state.js';
import type { PlanContext } from '../context.js';
import { type MemberHealth, memberProblems, membersHealth } from '../etcd/member-health.js';
import { observeEtcd } from '../etcd/observation.js';
import { type Findings, reported } from '../findings.js';
import { statusReports } from './read.js';

/** A cluster as it runs. */
export interface ClusterStatus {
  readonly name: string;
  readonly healthy: boolean;
  /** Why it is not. */
  readonly problems: readonly string[];
  readonly nodes: readonly {
    readonly name: string;
    readonly roles: readonly string[];
    readonly ready: boolean;
    readonly version: string;
    readonly address: string;
    readonly runtime: string;
  }[];
  readonly pods: {
    readonly running: number;
    readonly total: number;
    readonly notRunning: readonly {
      readonly namespace: string;
      readonly name: string;
      readonly phase: string;
      readonly reason: string;
      readonly node: string;
    }[];
  };
  /** Null where nothing is known of it; no members where etcd is no part of this cluster. */
  readonly etcd: readonly MemberHealth[] | null;
  readonly certificates: readonly { readonly host: string; readonly name: string; readonly expiresAt: string }[];
}

interface ApiObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly spec: { readonly nodeName?: string; readonly unschedulable?: boolean };
  readonly status: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: { readonly kubeletVersion: string; readonly containerRuntimeVersion: string };
  };
}

/** Puts together what the hosts and the API said. */
export function observeStatus(ctx: PlanContext, findings: Findings): ClusterStatus {
  const objects = reported<{ items: readonly ApiObject[] }>(findings, statusReports.objects).flatMap(
    ({ data }) => data.items,
  );
  const nodes = objects.filter((object) => object.kind === 'Node').map(nodeView);
  const pods = objects.filter((object) => object.kind === 'Pod');
  const notRunning = pods.filter((pod) => !podWell(pod));
  const hasEtcd = ctx.cluster.spec.etcd.type === 'kubexm';
  const observed = observeEtcd(ctx, findings);
  const members = membersHealth(ctx, observed);
  const isUnknown = hasEtcd && observed.membership === 'unknown';
  const certificates = reported<CertificatesReport>(findings, statusReports.certificates);
  const problems = [
    ...findings.failures.map(({ message }) => message),
    ...(findings.reports.some(({ report }) => report === statusReports.objects)
      ? []
      : ['nodes and pods are unknown: the API was not asked, or did not answer']),
    ...nodes.filter((node) => !node.ready).map((node) => `node ${node.name} is not Ready`),
    ...notRunning.map((pod) => `pod ${pod.metadata.namespace ?? ''}/${pod.metadata.name} does not run`),
    ...(isUnknown ? ['the state of etcd is unknown: no member told of it'] : []),
    ...(hasEtcd && !isUnknown ? memberProblems(observed, members).map((problem) => `etcd: ${problem}`) : []),
    ...renewalProblems(ctx, findings),
    ...certificates.flatMap(({ host, data }) =>
      data.broken.map(({ name, error }) => `${name} on ${host} cannot be read: ${error}`),
    ),
  ];
  return {
    name: ctx.cluster.metadata.name,
    healthy: problems.length === 0,
    problems,
    nodes,
    pods: {
      running: pods.length - notRunning.length,
      total: pods.length,
      notRunning: notRunning.map((pod) => ({
        namespace: pod.metadata.namespace ?? '',
        name: pod.metadata.name,
        phase: pod.status.phase ?? 'Unknown',
        reason: pod.status.conditions?.find((condition) => condition.type === 'Ready')?.reason ?? '',
        node: pod.spec.nodeName ?? '',
      })),
    },
    etcd: isUnknown ? null : members,
    certificates: certificates.flatMap(({ host, data }) =>
      data.certificates.map(({ name, expiresAt }) => ({ host, name, expiresAt })),
    ),
  };
}

function nodeView({ metadata, status }: ApiObject): ClusterStatus['nodes'][number] {
  const prefix = 'node-role.kubernetes.io/';
  return {
    name: metadata.name,
    roles: Object.keys(metadata.labels ?? {})
      .filter((label) => label.startsWith(prefix))
      .map((label) => label.slice(prefix.length)),
    ready: status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false,
    version: status.nodeInfo?.kubeletVersion ?? '',
    address: status.addresses?.find((address) => address.type === 'InternalIP')?.address ?? '',
    runtime: status.nodeInfo?.containerRuntimeVersion ?? '',
  };
}

function podWell({ status }: ApiObject): boolean {
  return (
    status.phase === 'Succeeded' ||
    (status.phase === 'Running' &&
      (status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false))
  );
}
