import { forecastRemove, leavingOf, removeEtcdMember } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import type { OperationOptions } from '../operation.js';
import { changeMembership, withoutRole } from './membership.js';

interface RemoveOptions extends OperationOptions {
  readonly wipeData?: boolean;
}

/** `kubexm etcd remove-member MEMBER` */
export async function run({ options, args, io }: Invocation<RemoveOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const [which = ''] = args;
  const wipeData = options.wipeData === true;
  const edit = await withoutRole(cluster, options.config, which);
  return changeMembership({
    cluster,
    options,
    io,
    name: `etcd remove-member ${which}`,
    leaving: [which],
    forecast: (ctx, observed) => forecastRemove(ctx, { which, observed }),
    headline(ctx, observed) {
      const { label, host, reachable } = leavingOf(ctx, { which, observed });
      const cleaning = reachable ? `${host} is cleaned` : `${host ?? 'its host'} cannot be reached, and is not cleaned`;
      return `${label} leaves etcd; ${cleaning}`;
    },
    question(ctx, observed) {
      const { label, member, reachable } = leavingOf(ctx, { which, observed });
      if (!member && !reachable) return undefined;
      const data = wipeData ? 'deleted' : 'renamed, and kept';
      return {
        lines: [
          ...(member ? [`${label} (${member.id}) will be no member of etcd any more.`] : []),
          ...(reachable ? [`Its data on the host are ${data}.`] : []),
        ],
        question: 'Go on?',
      };
    },
    plan: (ctx, basis) => removeEtcdMember({ ...basis, which, wipeData }).plan(ctx),
    next: () => [edit, 'Next: kubexm etcd health'].filter((line) => line !== '').join('\n'),
  });
}
