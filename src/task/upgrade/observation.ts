import { KubexmError } from '../../errors/index.js';
import { draft, type HostName } from '../../plan/index.js';
import {
  type DeprecatedApi,
  type NodeVersionsReport,
  readDeprecatedApis,
  readNodeVersions,
  readStoredApis,
  readUpgradeObjects,
  type StepContext,
  type StoredApis,
  type UpgradeObjects,
} from '../../step/index.js';
import { defineTask, nodeHosts, type PlanContext } from '../context.js';
import { type EtcdObservation, observeEtcd } from '../etcd/observation.js';
import { type Findings, reported } from '../findings.js';
import { apiserverUrl } from '../kubernetes/apiserver-url.js';
import { initHost, servingHosts } from '../kubernetes/init-host.js';
import type { RunningVersions } from './version-path.js';

const reports = {
  versions: 'upgrade:versions',
  objects: 'upgrade:objects',
  stored: 'upgrade:stored',
  deprecated: 'upgrade:deprecated-apis',
} as const;

/** The cluster before an upgrade, or in the middle of one. */
export interface UpgradeObservation {
  readonly etcd: EtcdObservation;
  readonly hosts: ReadonlyMap<HostName, NodeVersionsReport>;
  readonly objects: UpgradeObjects;
  readonly stored: StoredApis;
  readonly deprecated: readonly DeprecatedApi[];
  /** Control planes whose API servers did not say what of it they were asked for. */
  readonly uncounted: readonly HostName[];
}

/** Asks every node what it runs, and the API what stands in the way of an upgrade. */
export const readUpgradeState = defineTask('read-upgrade-state', (ctx) => {
  const g = draft<StepContext>('read-upgrade-state');
  g.add('versions', nodeHosts(ctx), readNodeVersions({ report: reports.versions }));
  g.add('objects', [initHost(ctx)], readUpgradeObjects({ report: reports.objects }));
  g.add('stored', [initHost(ctx)], readStoredApis({ report: reports.stored }));
  g.addEach('deprecated-apis', servingHosts(ctx), (host) =>
    readDeprecatedApis({
      report: reports.deprecated,
      server: apiserverUrl(ctx, host),
    }),
  );
  return g.done();
});

/** Throws where something was not told: an upgrade does not begin on what is half known. */
export function observeUpgrade(ctx: PlanContext, findings: Findings): UpgradeObservation {
  const hosts = new Map(reported<NodeVersionsReport>(findings, reports.versions).map(({ host, data }) => [host, data]));
  const [objects] = reported<UpgradeObjects>(findings, reports.objects);
  const [stored] = reported<StoredApis>(findings, reports.stored);
  const counted = reported<readonly DeprecatedApi[]>(findings, reports.deprecated);
  const silent = nodeHosts(ctx).filter((host) => !hosts.has(host));
  if (objects === undefined || stored === undefined || silent.length > 0) {
    throw new KubexmError('GUARD_REFUSED', 'an upgrade begins with a cluster that can be asked: nothing is upgraded', {
      details: findings.failures.map(({ host, message }) => `${host}: ${message}`),
      hint: 'kubexm cluster status',
      retryable: false,
    });
  }
  const apis = counted.flatMap(({ data }) => data);
  const byName = new Map(apis.map((api) => [apiName(api), api]));
  return {
    etcd: observeEtcd(ctx, findings),
    hosts,
    objects: objects.data,
    stored: stored.data,
    uncounted: servingHosts(ctx).filter((host) => !counted.some((each) => each.host === host)),
    deprecated: [...byName.values()].toSorted((a, b) => (apiName(a) < apiName(b) ? -1 : 1)),
  };
}

/** `poddisruptionbudgets.v1beta1.policy`. */
export function apiName({ group, version, resource }: Pick<DeprecatedApi, 'group' | 'version' | 'resource'>): string {
  return [resource, version, ...(group === '' ? [] : [group])].join('.');
}

/** What runs, of all nodes of the config. Throws where a node does not say. */
export function runningVersions(
  ctx: PlanContext,
  { hosts, objects }: Pick<UpgradeObservation, 'hosts' | 'objects'>,
): RunningVersions {
  const kubelets = nodeHosts(ctx).map((host) => {
    const { running, installed } = hosts.get(host) ?? {};
    // One that is down while it is upgraded is known by what the API heard last.
    const version = running ?? objects.nodes.find(({ name }) => name === host)?.kubelet ?? installed;
    if (version === undefined || version === '') {
      throw new KubexmError(
        'GUARD_REFUSED',
        `${host} has no kubelet: an upgrade begins with all nodes in the cluster`,
        {
          hint: `kubexm cluster create, or take ${host} out of the config, then run the same command again`,
          retryable: false,
        },
      );
    }
    return version;
  });
  const controlPlanes = nodeHosts(ctx).flatMap((host) => {
    const { controlPlane = {} } = hosts.get(host) ?? {};
    const apiserver = controlPlane['kube-apiserver'];
    return apiserver === undefined ? [] : [apiserver];
  });
  if (controlPlanes.length === 0) {
    throw new KubexmError('GUARD_REFUSED', 'no host of the config is a control plane: there is nothing to upgrade', {
      hint: 'kubexm cluster create',
      retryable: false,
    });
  }
  return { controlPlanes, kubelets };
}

/** Whether all static pods of a control plane host are of this version. */
export function controlPlaneIs(report: NodeVersionsReport | undefined, version: string): boolean {
  const versions = Object.values(report?.controlPlane ?? {});
  return versions.length === 3 && versions.every((each) => each === version);
}

/** Whether the kubelet of a node is this version, and no upgrade of it is open. */
export function kubeletIs(report: NodeVersionsReport | undefined, version: string): boolean {
  return report?.installed === version && report.running === version && !report.begun;
}
