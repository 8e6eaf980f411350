import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { raisedAlarms } from './alarm-list.js';
import { mebibytes } from './defrag.js';
import { endpointStatuses } from './endpoint-status.js';
import { etcdctl } from './etcdctl.js';
import type { EtcdPeer } from './leader.js';

/** `quotaBytes`: of the config; members of 3.6 say theirs themselves. */
export interface RequireEtcdRoom {
  readonly members: readonly EtcdPeer[];
  readonly quotaBytes: number;
}

/** Of the quota. bbolt grows its file in steps: with less room than that, the next larger write raises the alarm again (seen at 94 %). */
const fullPart = 0.9;

/** Of the quota: with less room than that, the next alarm is near. */
const tightPart = 0.75;

/** Refuses where the databases are as large as their quota still: the alarm would be back with the next write. */
export const requireEtcdRoom = defineStep<RequireEtcdRoom>({
  kind: 'etcd.room',
  title: () => 'Check that the databases of etcd are smaller than their quota',
  recheck: false,
  async precheck(ctx, p) {
    const statuses = await endpointStatuses(
      ctx,
      p.members.map(({ endpoint }) => endpoint),
    );
    const sizes = p.members.map(({ name, endpoint }) => {
      const { dbSizeBytes: size, quotaBytes: quota = p.quotaBytes } = statuses.get(endpoint) ?? {};
      if (size !== undefined) return { name, size, quota };
      throw new KubexmError('COMMAND_FAILED', `${name} does not say how large its database is`, {
        hint: 'kubexm etcd members',
      });
    });
    const text = ({ name, size, quota }: (typeof sizes)[number]) =>
      `${name}: ${mebibytes(size)} of ${mebibytes(quota)} after compaction and defragmentation`;
    const full = sizes.filter(({ size, quota }) => size >= quota * fullPart);
    if (full.length > 0) {
      throw new KubexmError(
        'GUARD_REFUSED',
        'the data itself fills the quota of etcd: the alarm would come back at once',
        {
          details: full.map(text),
          hint: 'raise spec.etcd.performance.quotaBackendBytes in the config, then run kubexm etcd recover-space again: it brings the new quota to the members; or delete data',
          retryable: false,
        },
      );
    }
    for (const each of sizes.filter(({ size, quota }) => size >= quota * tightPart)) {
      ctx.log('warn', `${text(each)}: raise spec.etcd.performance.quotaBackendBytes soon`);
    }
    return satisfied(sizes.map(text).join('; '));
  },
  run: () => Promise.resolve(),
});

/** Takes back the alarm NOSPACE. Refuses beside CORRUPT of a member that is there, since etcdctl takes back all alarms at once. */
export const disarmEtcd = defineStep<{ readonly endpoint: string }>({
  kind: 'etcd.alarm-disarm',
  title: () => 'Disarm the alarm NOSPACE of etcd',
  async precheck(ctx, p) {
    const alarms = await raisedAlarms(ctx, [p.endpoint]);
    if (alarms.some(({ alarm, isGone }) => alarm === 'CORRUPT' && !isGone)) {
      throw new KubexmError('GUARD_REFUSED', 'etcd has the alarm CORRUPT, which nobody must disarm by the way', {
        hint: 'kubexm etcd alarms',
        retryable: false,
      });
    }
    return alarms.length === 0 ? satisfied('there is no alarm') : needed(`alarms: ${alarms.length}`);
  },
  async run({ host, signal }, p) {
    await host.run(etcdctl([p.endpoint], ['alarm', 'disarm']), { signal });
  },
});

/**
 * Takes back the alarms of members that were removed: etcd keeps them, and takes no writes. It takes back all at once, so
 * nothing is done as long as a member that is there has one, or one that etcd could not name. `endpoints`: of voters.
 */
export const forgetEtcdAlarms = defineStep<{ readonly endpoints: readonly string[] }>({
  kind: 'etcd.alarm-forget',
  title: () => 'Disarm the alarms of members of etcd that are gone',
  async precheck(ctx, p) {
    const { gone, others } = await sorted(ctx, p.endpoints);
    if (gone.length === 0) return satisfied('no member that is gone has an alarm');
    if (others.length > 0)
      return satisfied(
        `${gone.join(', ')} of members that are gone stay, since there are others: ${others.join(', ')}`,
      );
    return needed(`${gone.join(', ')} of members that are gone`);
  },
  async run(ctx, p) {
    const { others } = await sorted(ctx, p.endpoints);
    if (others.length > 0) return;
    await ctx.host.run(etcdctl(p.endpoints, ['alarm', 'disarm']), { signal: ctx.signal });
  },
});

async function sorted(ctx: StepContext, endpoints: readonly string[]) {
  const alarms = await raisedAlarms(ctx, endpoints);
  const texts = (isGone: boolean) =>
    alarms.filter((each) => each.isGone === isGone).map(({ alarm, memberId }) => `${alarm} of ${memberId}`);
  return { gone: texts(true), others: texts(false) };
}

/** Proves that etcd takes writes: puts a key and deletes it. */
export const proveEtcdWrites = defineStep<{ readonly endpoint: string }>({
  kind: 'etcd.prove-writes',
  title: () => 'Check that etcd takes writes',
  recheck: false,
  precheck: () => Promise.resolve(needed('only a write can tell')),
  async run({ host, signal }, p) {
    await host.run(etcdctl([p.endpoint], ['put', 'kubexm/write-check', 'x']), { signal });
    await host.run(etcdctl([p.endpoint], ['del', 'kubexm/write-check']), { signal });
  },
});
