import { forecastReplace, refuseHostsWithoutRole, replaceEtcdMember } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import type { OperationOptions } from '../operation.js';
import { changeMembership, withoutRole } from './membership.js';

interface ReplaceOptions extends OperationOptions {
  readonly with?: string;
  readonly wipeData?: boolean;
}

/** `kubexm etcd replace-member MEMBER [--with HOST]` */
export async function run({ options, args, io }: Invocation<ReplaceOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const [old = ''] = args;
  const by = options.with ?? old;
  refuseHostsWithoutRole(cluster, [by]);
  const edit = old === by ? '' : await withoutRole(cluster, options.config, old);
  return changeMembership({
    cluster,
    options,
    io,
    name: `etcd replace-member ${old}${options.with === undefined ? '' : ` --with ${options.with}`}`,
    needs: [by],
    leaving: old === by ? [] : [old],
    forecast: (ctx, observed) => forecastReplace(ctx, { old, by, observed }),
    headline: () => (old === by ? `${old} becomes a new member of etcd` : `${by} takes the place of ${old} in etcd`),
    question: () => ({
      lines: [
        old === by
          ? `The data of etcd that are on ${old}, if any, are renamed, and the others' are copied to it.`
          : `${old} will be no member of etcd any more.`,
      ],
      question: 'Go on?',
    }),
    plan: (ctx, basis) => replaceEtcdMember({ ...basis, old, by, wipeData: options.wipeData === true }).plan(ctx),
    next: () => [edit, 'Next: kubexm etcd health'].filter((line) => line !== '').join('\n'),
  });
}
