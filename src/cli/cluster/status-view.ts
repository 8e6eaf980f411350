import type { EngineEvent } from '../../engine/index.js';
import { statusReports } from '../../pipeline/index.js';
import type { ClusterStatusView } from './status-text.js';

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

interface EtcdReport {
  readonly status: readonly {
    readonly Endpoint: string;
    readonly Status: {
      readonly header: { readonly member_id: number };
      readonly leader: number;
      readonly version: string;
      readonly dbSize: number;
    };
  }[];
  readonly health: readonly { readonly endpoint: string; readonly health: boolean }[];
}

/**
 * Puts together what the status pipeline reported. `unreachable`: hosts that did not answer, with the reason. `hasEtcd`:
 * etcd is a part of this cluster, so that members are there, also where none told of them.
 */
export function statusView(
  { name, hasEtcd }: { readonly name: string; readonly hasEtcd: boolean },
  events: readonly EngineEvent[],
  unreachable: ReadonlyMap<string, string>,
): ClusterStatusView {
  const objects = (one<{ items: ApiObject[] }>(events, statusReports.objects)?.items ?? []) as readonly ApiObject[];
  const nodes = objects.filter((object) => object.kind === 'Node').map(nodeView);
  const pods = objects.filter((object) => object.kind === 'Pod');
  const notRunning = pods.filter((pod) => !podWell(pod));
  const reports = logs(events, statusReports.etcd).map(({ data }) => data as EtcdReport);
  const etcd = reports.length === 0 && hasEtcd ? null : etcdView(reports);
  const problems = [
    ...[...unreachable].map(([host, because]) => `${host}: ${because}`),
    ...failures(events),
    ...nodes.filter((node) => !node.ready).map((node) => `node ${node.name} is not Ready`),
    ...notRunning.map((pod) => `pod ${pod.metadata.namespace ?? ''}/${pod.metadata.name} does not run`),
    ...(etcd === null ? ['the state of etcd is unknown: no member told of it'] : []),
    ...(etcd ?? []).filter((member) => !member.healthy).map((member) => `etcd at ${member.endpoint} is not healthy`),
  ];
  return {
    name,
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
    etcd,
    certificates: logs(events, statusReports.certificates).flatMap(({ host, data }) =>
      (data as { name: string; expiresAt: string }[]).map((certificate) => ({ host, ...certificate })),
    ),
  };
}

function nodeView({ metadata, status }: ApiObject): ClusterStatusView['nodes'][number] {
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

/** Every member was asked for the state of all: an endpoint is healthy where one of them got through to it. */
function etcdView(reports: readonly EtcdReport[]): NonNullable<ClusterStatusView['etcd']> {
  const verdicts = reports.flatMap(({ health }) => health);
  const states = reports.flatMap(({ status }) => status);
  return [...new Set(verdicts.map(({ endpoint }) => endpoint))].map((endpoint) => {
    const state = states.find((each) => each.Endpoint === endpoint)?.Status;
    return {
      name: new URL(endpoint).hostname,
      endpoint,
      healthy: verdicts.some((verdict) => verdict.endpoint === endpoint && verdict.health),
      leader: state !== undefined && state.leader === state.header.member_id,
      version: state?.version ?? '',
      dbSizeBytes: state?.dbSize ?? 0,
    };
  });
}

function failures(events: readonly EngineEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === 'job-finished' && event.outcome.state === 'failed' ? [event.outcome.error.message] : [],
  );
}

// The caller names the shape that the report's own step gives its data.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function one<T>(events: readonly EngineEvent[], report: string): T | undefined {
  return logs(events, report)[0]?.data as T | undefined;
}

function logs(events: readonly EngineEvent[], report: string): { readonly host: string; readonly data: unknown }[] {
  return events.flatMap((event) =>
    event.type === 'job-log' && event.message === report ? [{ host: event.host, data: event.data }] : [],
  );
}
