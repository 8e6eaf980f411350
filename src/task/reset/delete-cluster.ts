import { CONTROL_NODE, draft, type HostName } from '../../plan/index.js';
import { ownCluster, retire, type StepContext } from '../../step/index.js';
import { allHosts, defineTask, hostsWithRole, type PlanContext, type Task } from '../context.js';
import { certificateFiles } from '../pki.js';
import { planReset, type ResetHosts, touchedHosts } from './reset-hosts.js';

export type DeleteCluster = Pick<ResetHosts, 'wipeData' | 'purgePackages'>;

/** What a deletion finds, by what the hosts said. */
export interface DeletionForecast {
  /** Something of kubexm is on them. */
  readonly reset: readonly HostName[];
  readonly clean: readonly HostName[];
  /** They do not answer: what is on them stays. */
  readonly unreachable: readonly HostName[];
}

export function forecastDeletion(ctx: PlanContext): DeletionForecast {
  const hosts = allHosts(ctx);
  const reset = touchedHosts(ctx, hosts);
  const unreachable = hosts.filter((host) => !ctx.facts.has(host));
  return { reset, unreachable, clean: hosts.filter((host) => !reset.includes(host) && !unreachable.includes(host)) };
}

/** Every host belongs to this cluster or to none; looked at before the first of them changes. */
export function guardOwnership(hosts?: readonly HostName[]): Task {
  return defineTask('guard-ownership', (ctx) => {
    const g = draft<StepContext>('guard-ownership');
    const ownCa = {
      kubernetes: certificateFiles(ctx, 'kubernetes', 'ca').cert,
      etcd: certificateFiles(ctx, 'etcd', 'ca').cert,
    };
    const step = ownCluster({ cluster: ctx.cluster.metadata.name, ownCa });
    const asked = (hosts ?? allHosts(ctx)).filter((host) => ctx.facts.has(host));
    g.add('host', asked, step);
    return g.done();
  });
}

/**
 * Workers, control planes, etcd, then on each host by itself what they ran on: create, backwards. The keys of the cluster are
 * put away when no host is left that they would be needed for.
 */
export function deleteCluster(params: DeleteCluster): Task {
  return defineTask('delete-cluster', (ctx) => {
    const g = draft<StepContext>('delete-cluster');
    const hosts = allHosts(ctx);
    const controlPlanes = hostsWithRole(ctx, 'control-plane');
    const workers = hosts.filter((host) => !controlPlanes.includes(host));
    const reset = g.include(planReset(ctx, { ...params, hosts }, [workers, controlPlanes]));
    const { clusterWorkDir } = ctx.workDirs;
    const isComplete = hosts.every((host) => ctx.facts.has(host));
    g.add(
      'retire-keys',
      isComplete ? [CONTROL_NODE] : [],
      retire({ from: clusterWorkDir, names: ['certs', 'kubeconfig'], into: `${clusterWorkDir}/deleted` }),
      { after: reset },
    );
    return g.done();
  });
}
