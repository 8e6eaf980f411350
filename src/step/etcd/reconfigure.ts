import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep } from '../define.js';
import { restartService } from '../systemd/service.js';
import { usableUnit } from '../systemd/unit.js';
import { endpointStatuses } from './endpoint-status.js';
import { memberList } from './etcdctl.js';
import { type EtcdPeer, moveLeadAway, waitUntilServing } from './leader.js';

/** `inputs`: files that a running member must have been started with. `endpoint`: of the host's own member. */
export interface ReconfigureEtcdMember {
  readonly service: string;
  readonly inputs: readonly string[];
  readonly endpoint: string;
  /** How long the others may take to serve before it is refused, in ms. Default 15000. */
  readonly settleMs?: number;
}

/**
 * Starts a member, or restarts it where it runs with other files than it has now: only while all others of the running
 * cluster serve, so that no two are away at once, and not before another has taken the lead. Ends when it is in sync again.
 */
export const reconfigureEtcdMember = defineStep<ReconfigureEtcdMember>({
  kind: 'etcd.reconfigure-member',
  title: (p) => `Restart ${p.service} if its files changed, and only while all other members serve`,
  uses: ['etcd-membership'],
  policy: { timeoutMs: 1_800_000 },
  precheck: (ctx, p) => restartService({ service: p.service, inputs: p.inputs }).precheck(ctx) as never,
  async run(ctx, p) {
    const { active } = await usableUnit(ctx, p.service);
    const peers = active === 'active' ? await runningPeers(ctx, p) : undefined;
    const own = peers?.find(({ endpoint }) => endpoint === p.endpoint);
    const others = (peers ?? []).filter((peer) => peer !== own);
    if (own !== undefined) {
      const { done, troubles } = await waitUntilServing(ctx, others, p.settleMs ?? 15_000);
      if (!done) throw twoAway(ctx, own, troubles);
      await moveLeadAway(ctx, { own, others });
    }
    await restartService({ service: p.service, inputs: p.inputs }).run(ctx, undefined);
    if (own === undefined) return;
    const { done, troubles } = await waitUntilServing(ctx, [own, ...others], 120_000);
    if (!done) {
      throw new KubexmError('WAIT_TIMEOUT', `${ctx.host.name}: etcd is not in sync again after its restart`, {
        details: troubles,
        hint: `on ${ctx.host.name}: journalctl -u ${p.service} -n 100 --no-pager; then run the same command again`,
      });
    }
  },
});

/**
 * The voters of the running cluster. Undefined where this member serves nobody: a restart takes nothing away then. While a
 * leader is elected there is none for a moment, and who does not answer may vote all the same: neither is taken for that.
 */
async function runningPeers(
  ctx: StepContext,
  { service, endpoint, settleMs = 15_000 }: ReconfigureEtcdMember,
): Promise<readonly EtcdPeer[] | undefined> {
  const { status } = await pollUntil(
    async () => {
      const found = (await endpointStatuses(ctx, [endpoint])).get(endpoint);
      return { done: found !== undefined && (found.isLearner || found.leaderId !== '0'), status: found };
    },
    { timeoutMs: settleMs, intervalMs: 500, signal: ctx.signal },
  );
  if (status === undefined) throw silent(ctx, { service, endpoint });
  if (status.leaderId === '0' || status.isLearner) return undefined;
  return (await memberList(ctx, [endpoint]))
    .filter((member) => !member.isLearner)
    .map(({ id, name, peerUrls, clientUrls }) => ({
      name: name === '' ? 'a member that never started' : name,
      peerUrl: peerUrls[0] ?? '',
      endpoint: id === status.memberId ? endpoint : (clientUrls[0] ?? ''),
    }));
}

function twoAway({ host }: StepContext, own: EtcdPeer, troubles: readonly string[]): KubexmError {
  return new KubexmError('GUARD_REFUSED', `${own.name} has new settings, but a second member of etcd would be away`, {
    details: troubles,
    hint: `bring the others back first (kubexm etcd members), then run the same command again; ${host.name} was left as it is`,
    retryable: false,
  });
}

function silent({ host }: StepContext, p: Pick<ReconfigureEtcdMember, 'service' | 'endpoint'>): KubexmError {
  return new KubexmError(
    'GUARD_REFUSED',
    `${host.name}: ${p.service} runs, but ${p.endpoint} does not answer: whether the others can do without it is unknown`,
    {
      hint: `on ${host.name}: journalctl -u ${p.service} -n 50 --no-pager; where it hangs for certain and the others serve (kubexm etcd members): systemctl restart ${p.service}, then run the same command again`,
      retryable: false,
    },
  );
}
