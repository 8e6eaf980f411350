import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { type EtcdEndpointStatus, endpointStatuses } from './endpoint-status.js';
import { etcdctl } from './etcdctl.js';

/** A member as plans know it; `endpoint`: its client URL. */
export interface EtcdPeer {
  readonly name: string;
  readonly peerUrl: string;
  readonly endpoint: string;
}

/** Entries that a member may be behind and still count as in sync: what a busy cluster writes between two questions. */
const inSyncEntries = 200;

/** Why these members do not serve beside each other; empty where all answer, have one leader and are in sync with it. */
export function troublesOf(
  peers: readonly EtcdPeer[],
  statuses: ReadonlyMap<string, EtcdEndpointStatus>,
): readonly string[] {
  const newest = Math.max(0, ...[...statuses.values()].map(({ raftIndex }) => raftIndex));
  const leaders = new Set([...statuses.values()].map(({ leaderId }) => leaderId).filter((id) => id !== '0'));
  const troubles = peers.flatMap(({ name, endpoint }) => {
    const status = statuses.get(endpoint);
    if (status === undefined) return [`${name} does not answer`];
    if (status.leaderId === '0') return [`${name} has no leader`];
    const behind = newest - status.raftAppliedIndex;
    return behind > inSyncEntries ? [`${name} is ${behind} entries behind`] : [];
  });
  return leaders.size > 1 ? [...troubles, 'the members do not agree on a leader'] : troubles;
}

/**
 * Waits until the members serve beside each other. What is asked is raft, not `endpoint health`, which says nothing of how far
 * behind a member is. Alarms are no matter here.
 */
export async function waitUntilServing(
  ctx: StepContext,
  peers: readonly EtcdPeer[],
  timeoutMs: number,
): Promise<{ readonly done: boolean; readonly troubles: readonly string[] }> {
  if (peers.length === 0) return { done: true, troubles: [] };
  return pollUntil(
    async () => {
      const troubles = troublesOf(peers, await endpointStatuses(ctx, endpointsOf(peers)));
      return { done: troubles.length === 0, troubles };
    },
    { timeoutMs, intervalMs: 500, signal: ctx.signal },
  );
}

/**
 * Hands the lead from the host's own member to another that votes and is in sync; to one of `version` where there is one.
 * Does nothing where it does not lead, or is alone.
 */
export async function moveLeadAway(
  ctx: StepContext,
  { own, others, version }: { readonly own: EtcdPeer; readonly others: readonly EtcdPeer[]; readonly version?: string },
): Promise<void> {
  const statuses = await endpointStatuses(ctx, endpointsOf([own, ...others]));
  const mine = statuses.get(own.endpoint);
  if (mine === undefined || mine.leaderId !== mine.memberId || others.length === 0) return;
  const next = others
    .map((peer) => ({ peer, status: statuses.get(peer.endpoint) }))
    .filter(({ status }) => status !== undefined && !status.isLearner && status.leaderId === mine.memberId)
    .sort((a, b) => rank(b.status, version) - rank(a.status, version))[0];
  if (next?.status === undefined) {
    throw new KubexmError('GUARD_REFUSED', `${ctx.host.name}: no other member of etcd can take the lead`, {
      details: troublesOf(others, statuses),
      hint: 'kubexm etcd members',
      retryable: false,
    });
  }
  const { peer, status } = next;
  ctx.log('info', `moving the lead from ${own.name} to ${peer.name}`);
  await ctx.host.run(etcdctl([own.endpoint], ['move-leader', status.memberId]), { signal: ctx.signal });
  const { done } = await pollUntil(
    async () => {
      const leader = (await endpointStatuses(ctx, [own.endpoint])).get(own.endpoint)?.leaderId ?? '0';
      return { done: leader !== '0' && leader !== mine.memberId };
    },
    { timeoutMs: 15_000, intervalMs: 100, signal: ctx.signal },
  );
  if (!done) {
    throw new KubexmError('WAIT_TIMEOUT', `${ctx.host.name}: ${peer.name} did not take the lead of etcd`, {
      hint: 'kubexm etcd members; then run the same command again',
    });
  }
}

/** The version first, then how far it has applied the log. */
function rank(status: EtcdEndpointStatus | undefined, version: string | undefined): number {
  if (status === undefined) return -1;
  return status.raftAppliedIndex + (status.version === version ? Number.MAX_SAFE_INTEGER / 2 : 0);
}

/** A member that never started has none. */
export function endpointsOf(peers: readonly EtcdPeer[]): readonly string[] {
  return peers.map(({ endpoint }) => endpoint).filter((endpoint) => endpoint !== '');
}
