import { addEtcdMembers, forecastAdd, refuseHostsWithoutRole } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import type { OperationOptions } from '../operation.js';
import { changeMembership } from './membership.js';

/** `kubexm etcd add-member HOST...` */
export async function run({ options, args, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const hosts = [...new Set(args)];
  refuseHostsWithoutRole(cluster, hosts);
  return changeMembership({
    cluster,
    options,
    io,
    name: `etcd add-member ${hosts.join(' ')}`,
    needs: hosts,
    forecast: (ctx, observed) => forecastAdd(ctx, { hosts, observed }),
    headline: (_ctx, { members }) => {
      const voting = members.filter(({ host, isLearner }) => !isLearner && hosts.includes(host ?? ''));
      const rest = hosts.filter((host) => !voting.some((member) => member.host === host));
      return rest.length > 0
        ? `etcd takes in ${rest.join(', ')}, one after the other`
        : `${hosts.join(', ')} ${hosts.length === 1 ? 'votes' : 'vote'} already; what hangs on it is looked after`;
    },
    plan: (ctx, basis) => addEtcdMembers({ ...basis, hosts }).plan(ctx),
    next: () => 'Next: kubexm etcd health',
  });
}
