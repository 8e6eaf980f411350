import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { type EtcdEndpointStatus, endpointStatuses } from './endpoint-status.js';
import { etcdctl } from './etcdctl.js';
import { type EtcdPeer, moveLeadAway, waitUntilServing } from './leader.js';

/** Name of the log event that carries what a member's defragmentation came to. */
export const etcdDefragReport = 'etcd:defrag';

/** Bytes of a member's database file, and how much of it held data. */
export interface EtcdDefragResult {
  readonly member: string;
  readonly before: number;
  readonly after: number;
  readonly inUse: number;
  readonly ms: number;
}

/** `own`: the member of this host. Worth it: the file shrinks by so many bytes, and by that part of it. */
export interface DefragEtcdMember {
  readonly own: EtcdPeer;
  readonly others: readonly EtcdPeer[];
  readonly leastBytes: number;
  /** 0 to 1. */
  readonly leastPart: number;
  /** How long all may take to serve before it is refused, in ms. Default 15000. */
  readonly settleMs?: number;
}

/**
 * Rewrites a member's database file without its holes. The member answers nobody meanwhile, so it waits until all serve, and
 * hands the lead to another first; it ends when the member is in sync again. An alarm does not hinder it: with NOSPACE this
 * is the cure.
 */
export const defragEtcdMember = defineStep<DefragEtcdMember>({
  kind: 'etcd.defrag',
  title: (p) => `Defragment the database of etcd member ${p.own.name}`,
  uses: ['etcd-membership'],
  policy: { timeoutMs: 7_200_000 },
  recheck: false,
  async precheck(ctx, p) {
    const { dbSizeBytes: size, dbSizeInUseBytes: inUse } = await ownStatus(ctx, p);
    const gain = size - inUse;
    const sizes = `${mebibytes(size)}, ${mebibytes(inUse)} in use`;
    if (gain >= p.leastBytes && gain >= size * p.leastPart) return needed(sizes);
    return satisfied(`${sizes}: not worth it`);
  },
  async run(ctx, p) {
    const all = [p.own, ...p.others];
    const { done, troubles } = await waitUntilServing(ctx, all, p.settleMs ?? 15_000);
    if (!done) {
      throw new KubexmError('GUARD_REFUSED', `${p.own.name} is not defragmented: it would be a second one away`, {
        details: troubles,
        hint: 'bring all members back first (kubexm etcd members), then run the same command again',
        retryable: false,
      });
    }
    await moveLeadAway(ctx, { own: p.own, others: p.others });
    await compactionSettled(ctx, p);
    const before = await ownStatus(ctx, p);
    const began = performance.now();
    await ctx.host.run(etcdctl([p.own.endpoint], ['defrag'], { timeoutSeconds: 3600 }), {
      signal: ctx.signal,
      long: true,
    });
    const ms = Math.round(performance.now() - began);
    const again = await waitUntilServing(ctx, all, 120_000);
    if (!again.done) {
      throw new KubexmError('WAIT_TIMEOUT', `${p.own.name} is defragmented, and etcd is not in sync again`, {
        details: again.troubles,
        hint: `on ${ctx.host.name}: journalctl -u etcd -n 100 --no-pager`,
      });
    }
    const after = await ownStatus(ctx, p);
    const result = {
      member: p.own.name,
      before: before.dbSizeBytes,
      after: after.dbSizeBytes,
      inUse: after.dbSizeInUseBytes,
      ms,
    };
    ctx.log('debug', etcdDefragReport, result);
  },
});

/** Each member compacts at its own pace; what is freed after its defragmentation stays a hole. */
async function compactionSettled(ctx: StepContext, p: DefragEtcdMember): Promise<void> {
  let last = Number.POSITIVE_INFINITY;
  await pollUntil(
    async () => {
      const { dbSizeInUseBytes: inUse } = await ownStatus(ctx, p);
      const done = inUse >= last * 0.99;
      last = inUse;
      return { done };
    },
    { timeoutMs: 60_000, intervalMs: 700, signal: ctx.signal },
  );
}

/** Asked for a while: a member that was just restarted may still open its database. */
async function ownStatus(ctx: StepContext, { own }: DefragEtcdMember): Promise<EtcdEndpointStatus> {
  const { status } = await pollUntil(
    async () => {
      const found = (await endpointStatuses(ctx, [own.endpoint])).get(own.endpoint);
      return { done: found !== undefined, status: found };
    },
    { timeoutMs: 5000, intervalMs: 500, signal: ctx.signal },
  );
  if (status) return status;
  throw new KubexmError(
    'COMMAND_FAILED',
    `${ctx.host.name}: the etcd member ${own.name} does not say how large it is`,
    {
      hint: 'kubexm etcd members',
    },
  );
}

/** `12.5 MiB`. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
