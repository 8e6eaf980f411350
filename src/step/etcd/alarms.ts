import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { mebibytes } from './defrag.js';
import { endpointStatuses, parsed } from './endpoint-status.js';
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

/** Takes back the alarm NOSPACE. Refuses beside CORRUPT, since etcd takes back all alarms at once. */
export const disarmEtcd = defineStep<{ readonly endpoint: string }>({
  kind: 'etcd.alarm-disarm',
  title: () => 'Disarm the alarm NOSPACE of etcd',
  async precheck(ctx, p) {
    const alarms = await alarmsOf(ctx, p.endpoint);
    if (alarms.includes(corrupt)) {
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

/** https://github.com/etcd-io/etcd/blob/main/api/etcdserverpb/rpc.proto AlarmType */
const corrupt = 2;

/** The kinds of the alarms, one for each member that raised it. */
async function alarmsOf({ host, signal }: StepContext, endpoint: string): Promise<readonly number[]> {
  const { stdout } = await host.run(etcdctl([endpoint], ['alarm', 'list', '-w', 'json']), { signal });
  const answer = parsed<{ alarms?: { alarm?: number }[] }>(stdout);
  if (answer) return (answer.alarms ?? []).map(({ alarm }) => alarm ?? 0);
  throw new KubexmError('COMMAND_FAILED', `${host.name}: etcdctl alarm list answered no JSON`, {
    details: [stdout.slice(0, 300)],
  });
}
