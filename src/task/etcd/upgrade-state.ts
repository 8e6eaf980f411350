import { draft, type HostName } from '../../plan/index.js';
import { type EtcdProgramsReport, readEtcdPrograms, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { type EtcdObservation, observeEtcd } from './observation.js';

const programsReport = 'etcd:programs';

/** etcd as it runs, and what is in place on its hosts that answer. */
export interface EtcdVersions {
  readonly etcd: EtcdObservation;
  readonly programs: ReadonlyMap<HostName, EtcdProgramsReport>;
}

/** Asks the hosts of the role etcd for the programs in place and for upgrades that were interrupted. */
export const readEtcdVersions = defineTask('read-etcd-versions', (ctx) => {
  const g = draft<StepContext>('read-etcd-versions');
  const hosts = hostsWithRole(ctx, 'etcd').filter((host) => ctx.facts.has(host));
  g.add('programs', hosts, readEtcdPrograms({ report: programsReport }));
  return g.done();
});

/** Puts together what the hosts said. */
export function observeEtcdVersions(ctx: PlanContext, findings: Findings): EtcdVersions {
  return {
    etcd: observeEtcd(ctx, findings),
    programs: new Map(reported<EtcdProgramsReport>(findings, programsReport).map(({ host, data }) => [host, data])),
  };
}
