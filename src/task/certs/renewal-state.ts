import { draft } from '../../plan/index.js';
import { type RenewalReport, readRenewal, type StepContext } from '../../step/index.js';
import { defineTask, type PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { renewalHosts } from './renewal-timer.js';

const report = 'certs:renewal';

/** Asks the hosts that are to renew their certificates by themselves how they fare. */
export const readRenewals = defineTask('read-renewals', (ctx) => {
  const g = draft<StepContext>('read-renewals');
  const hosts = ctx.cluster.spec.certs.autoRenew.enabled ? renewalHosts(ctx) : [];
  g.add(
    'hosts',
    hosts.filter((host) => ctx.facts.has(host)),
    readRenewal({ report }),
  );
  return g.done();
});

/** Where the renewal by time does not work, a line each; of hosts that do not answer nothing is known. */
export function renewalProblems(_ctx: PlanContext, findings: Findings): readonly string[] {
  return reported<RenewalReport>(findings, report).flatMap(({ host, data: { timer, isRunning, last } }) => [
    ...(timer === 'active'
      ? []
      : [`no timer renews the certificates of ${host}, though spec.certs.autoRenew asks for it: kubexm cluster apply`]),
    ...(last === undefined || last.state === 'done' || (last.state === 'running' && isRunning)
      ? []
      : [
          `the renewal by time of ${last.time} failed on ${host}: ${last.said || 'it was ended'}; on ${host}: journalctl -u kubexm-certs-renew`,
        ]),
  ]);
}
