import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { endpointStatuses } from './endpoint-status.js';
import { etcdctl } from './etcdctl.js';

/** `keep`: so many revisions before the newest stay readable; 0: only what is there now. */
export interface CompactEtcd {
  readonly endpoint: string;
  readonly keep: number;
}

// etcd's own words, the same in every language: api/v3rpc/rpctypes/error.go
const compactedAlready = 'required revision has been compacted';

/** Drops the history of the keys up to a revision. Their space in the file is free for new data; defragmentation returns it. */
export const compactEtcd = defineStep<CompactEtcd, number>({
  kind: 'etcd.compact',
  title: ({ keep }) => (keep === 0 ? 'Compact etcd to its newest revision' : `Compact etcd but for ${keep} revisions`),
  policy: { timeoutMs: 3_600_000 },
  // Others go on writing: there is always something newer.
  recheck: false,
  async precheck(ctx, p) {
    const newest = await revisionOf(ctx, p);
    const target = newest - p.keep;
    if (target < 2) return satisfied(`revision ${newest}: there is no more than that`);
    const probe = etcdctl([p.endpoint], ['get', 'kubexm/none', `--rev=${target}`]);
    const { exitCode, stderr } = await ctx.host.tryRun(probe, { signal: ctx.signal });
    if (exitCode !== 0 && stderr.includes(compactedAlready)) return satisfied(`compacted beyond revision ${target}`);
    return needed(`revision ${newest}: compact up to ${target}`, target);
  },
  async run({ host, signal }, p, target) {
    // --physical: ends when the space is free, not when it is promised.
    const compact = etcdctl([p.endpoint], ['compact', String(target), '--physical'], { timeoutSeconds: 1800 });
    const { exitCode, stderr } = await host.tryRun(compact, { signal, long: true });
    if (exitCode === 0 || stderr.includes(compactedAlready)) return;
    throw new KubexmError('COMMAND_FAILED', `${host.name}: etcd was not compacted to revision ${target}`, {
      details: stderr.trim().split('\n').slice(-3),
      hint: 'kubexm etcd members; then run the same command again',
    });
  },
});

async function revisionOf(ctx: StepContext, { endpoint }: CompactEtcd): Promise<number> {
  const revision = (await endpointStatuses(ctx, [endpoint])).get(endpoint)?.revision;
  if (revision !== undefined) return revision;
  throw new KubexmError('COMMAND_FAILED', `${ctx.host.name}: etcd does not say its revision`, {
    hint: 'kubexm etcd members',
  });
}
