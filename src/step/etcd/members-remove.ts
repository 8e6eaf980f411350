import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { systemctl } from '../systemd/unit.js';
import { endpointStatuses } from './endpoint-status.js';
import { type EtcdMember, memberList } from './etcdctl.js';
import { type EtcdPeer, moveLeadAway } from './leader.js';
import { changeMembers } from './members.js';
import { type AssumedEtcdMember, refuseOtherMembers } from './members-assumed.js';
import { type EtcdDataDir, etcdDataOwner, moveEtcdDataAside } from './members-data.js';

/** `endpoints`: client URLs of the voters that stay and are healthy. */
export interface RemoveEtcdMember {
  readonly id: string;
  readonly name: string;
  readonly endpoints: readonly string[];
  /** All that stay. */
  readonly assumed: readonly AssumedEtcdMember[];
}

/** Takes a member out of the cluster, after another has taken the lead, and only while the others have a quorum of their own. */
export const removeEtcdMember = defineStep<RemoveEtcdMember>({
  kind: 'etcd.member-remove',
  title: (p) => `Remove etcd member ${p.name} (${p.id})`,
  uses: ['etcd-membership'],
  policy: { timeoutMs: 300_000 },
  async precheck(ctx, p) {
    const { leaving } = await look(ctx, p);
    return leaving ? needed(`${p.id} is a member`) : satisfied(`${p.id} is no member`);
  },
  async run(ctx, p) {
    const { leaving, staying } = await look(ctx, p);
    if (!leaving) return;
    // Only those that stay are asked: an answer of one that is dead is waited for in vain.
    const leaders = await leadersOf(ctx, staying);
    refuseWithoutQuorum(ctx, staying.length, leaders.length);
    if (leaders.includes(leaving.id))
      await moveLeadAway(ctx, {
        own: peer(leaving),
        // Only to one that the plan relies on: the data of another may be corrupt.
        others: staying.map(peer).filter(({ endpoint }) => p.endpoints.includes(endpoint)),
      });
    await changeMembers(ctx, p.endpoints, ['remove', p.id]);
  },
});

async function look(
  ctx: StepContext,
  p: RemoveEtcdMember,
): Promise<{ readonly leaving: EtcdMember | undefined; readonly staying: readonly EtcdMember[] }> {
  const members = await memberList(ctx, p.endpoints);
  const others = members.filter(({ id }) => id !== p.id);
  refuseOtherMembers(ctx, others, p.assumed);
  return { leaving: members.find(({ id }) => id === p.id), staying: others.filter(({ isLearner }) => !isLearner) };
}

function peer({ name, peerUrls, clientUrls }: EtcdMember): EtcdPeer {
  return { name, peerUrl: peerUrls[0] ?? '', endpoint: clientUrls[0] ?? '' };
}

/** The leader that each of them knows; who does not answer, or knows none, is missing. */
async function leadersOf(ctx: StepContext, members: readonly EtcdMember[]): Promise<readonly string[]> {
  const endpoints = members.flatMap(({ clientUrls }) => clientUrls.slice(0, 1));
  const statuses = [...(await endpointStatuses(ctx, endpoints)).values()];
  return statuses.map(({ leaderId }) => leaderId).filter((id) => id !== '0');
}

/** The plan has reckoned it; members may have failed since. */
function refuseWithoutQuorum({ host }: StepContext, voters: number, serving: number): void {
  const quorum = Math.floor(voters / 2) + 1;
  if (voters > 0 && serving >= quorum) return;
  throw new KubexmError('GUARD_REFUSED', `${host.name}: without it etcd would have no quorum`, {
    details: [`after: ${serving} of ${voters} voters healthy, quorum ${quorum}: every write would fail`],
    hint: 'kubexm etcd members; bring the others back first',
    retryable: false,
  });
}

export interface ClearEtcdData extends EtcdDataDir {
  readonly service: string;
  /** Delete; default: move aside. */
  readonly wipe: boolean;
}

/** Stops etcd on a host that is no member any more, and takes its data away: renamed, or deleted with `wipe`. */
export const clearEtcdData = defineStep<ClearEtcdData>({
  kind: 'etcd.data-clear',
  title: (p) => `${p.wipe ? 'Delete' : 'Move aside'} the data of etcd in ${p.dataDir}`,
  async precheck(ctx, { dataDir, walDir }) {
    const paths = [`${dataDir}/member`, ...(walDir === undefined ? [] : [walDir])];
    const found = await ctx.host.statMany(paths, { signal: ctx.signal });
    return found.size > 0 ? needed('there are data') : satisfied('there are no data');
  },
  async run(ctx, p) {
    const { host, signal, log } = ctx;
    const { load, active } = await host.serviceState(p.service, { signal });
    if (load === 'loaded' && active !== 'inactive') await systemctl(ctx, 'stop', p.service);
    const owner = await etcdDataOwner(ctx, p);
    if (p.wipe) {
      await host.remove(`${p.dataDir}/member`, { recursive: true, signal });
      if (p.walDir !== undefined) await host.remove(p.walDir, { recursive: true, signal });
    } else
      log(
        'warn',
        `the data of member ${owner?.memberId ?? 'unknown'} are kept in ${await moveEtcdDataAside(ctx, p, 'removed')}`,
      );
  },
});
