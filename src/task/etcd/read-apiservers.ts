import { draft, type HostName } from '../../plan/index.js';
import { type ApiserverReport, readApiserver, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';

const report = 'etcd:apiservers';

/** Reads to which etcd each apiserver is to talk. */
export const readApiservers = defineTask('read-apiservers', (ctx) => {
  const g = draft<StepContext>('read-apiservers');
  const hosts = hostsWithRole(ctx, 'control-plane').filter((host) => ctx.facts.has(host));
  g.add('manifest', hosts, readApiserver({ report }));
  return g.done();
});

/** `absent`: no apiserver is set up there; `unknown`: the host could not be asked. */
export interface ObservedApiserver {
  readonly host: HostName;
  readonly state: 'present' | 'absent' | 'unknown';
  readonly etcdServers: readonly string[];
}

export function observeApiservers(ctx: PlanContext, findings: Findings): readonly ObservedApiserver[] {
  const reports = new Map(reported<ApiserverReport>(findings, report).map(({ host, data }) => [host, data]));
  return hostsWithRole(ctx, 'control-plane').map((host) => {
    const found = reports.get(host);
    if (found === undefined) return { host, state: 'unknown', etcdServers: [] };
    return { host, state: found.present ? 'present' : 'absent', etcdServers: found.etcdServers };
  });
}
