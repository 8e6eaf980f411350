import { etcdPrograms } from '../../common/etcd-programs.js';
import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { startService, stopService } from '../systemd/service.js';
import { endpointStatuses } from './endpoint-status.js';
import { checkEtcdHealth } from './health.js';
import { type EtcdPeer, endpointsOf, moveLeadAway, troublesOf } from './leader.js';
import { goBack } from './upgrade-back.js';
import { installedVersion, placePrograms, readMark, removeMark, writeMark } from './upgrade-programs.js';

/** `to`: with v; its programs lie in `etcdPrograms.staged(to)`. `inputs`: files that the member must be started with. */
export interface UpgradeEtcdMember {
  readonly service: string;
  readonly inputs: readonly string[];
  readonly to: string;
  /** The member of this host, and all others: those that the cluster must have, no more and no fewer. */
  readonly own: EtcdPeer;
  readonly others: readonly EtcdPeer[];
  readonly dataDir: string;
  /** How long the others may take to be healthy before it is refused, in ms. Default 30000. */
  readonly settleMs?: number;
}

/**
 * Upgrades one member. Before: all members are healthy and without alarms, the member list is what was planned, and another
 * leads. Then it is stopped, its programs are swapped, it is started, and it is waited for. A mark on the host says that this
 * has begun, so that a run which was killed anywhere in between is taken up again; what the mark does not explain is refused.
 */
export const upgradeEtcdMember = defineStep<UpgradeEtcdMember>({
  kind: 'etcd.upgrade-member',
  title: (p) => `Upgrade etcd member ${p.own.name} to ${p.to}`,
  uses: ['etcd-membership'],
  policy: { timeoutMs: 3_600_000 },
  async precheck(ctx, p) {
    const [mark, installed, running] = await Promise.all([
      readMark(ctx),
      installedVersion(ctx),
      runningVersion(ctx, p),
    ]);
    if (mark) return needed(`an upgrade from ${mark.from} to ${mark.to} was not finished`);
    if (installed === p.to && running === p.to) return satisfied(`runs ${p.to}`);
    return needed(`runs ${running ?? 'not'}; the program in place is ${installed ?? 'missing'}`);
  },
  async run(ctx, p) {
    const mark = await readMark(ctx);
    const running = await runningVersion(ctx, p);
    const from = mark?.from ?? running;
    if (from === undefined) throw unexplained(ctx, p);
    const installed = await installedVersion(ctx);
    const inPlace = running === p.to && installed === p.to;
    if (!inPlace) {
      await requireHealthyOthers(ctx, p, running !== undefined);
      if (running !== undefined) await moveLeadAway(ctx, { own: p.own, others: p.others, version: p.to.slice(1) });
      await writeMark(ctx, { from, to: p.to });
      ctx.log('info', `stopping etcd ${from}`);
      await stopService({ service: p.service }).run(ctx, undefined);
      // What an interrupted upgrade has put in place never ran: it is not what this member goes back to.
      const keep = installed === from ? { keep: etcdPrograms.previous } : {};
      await placePrograms(ctx, { from: etcdPrograms.staged(p.to), ...keep });
    }
    try {
      if (!inPlace) await startService({ service: p.service, inputs: p.inputs }).run(ctx, undefined);
      await waitUntilUpgraded(ctx, p);
    } catch (error) {
      // Whoever stops the run decides what comes next; the mark takes it up again.
      if (ctx.signal.aborted) throw error;
      throw await goBack(ctx, { ...p, from, cause: error });
    }
    await removeMark(ctx);
  },
});

async function runningVersion(ctx: StepContext, { own }: UpgradeEtcdMember): Promise<string | undefined> {
  const version = (await endpointStatuses(ctx, [own.endpoint])).get(own.endpoint)?.version;
  return version === undefined ? undefined : `v${version}`;
}

/** What a member before may have stirred settles within seconds; what does not is a reason to stop here. */
async function requireHealthyOthers(ctx: StepContext, p: UpgradeEtcdMember, runs: boolean): Promise<void> {
  const asked = runs ? [p.own, ...p.others] : p.others;
  if (asked.length === 0) return;
  try {
    await checkEtcdHealth({
      endpoints: endpointsOf(asked),
      members: [p.own, ...p.others].map(({ name, peerUrl }) => ({ name, peerUrl })),
      writes: true,
      waitMs: p.settleMs ?? 30_000,
    }).run(ctx, undefined);
  } catch (error) {
    if (!(error instanceof KubexmError) || ctx.signal.aborted || error.code === 'GUARD_REFUSED') throw error;
    throw new KubexmError('GUARD_REFUSED', `${p.own.name} is not stopped for its upgrade: etcd is not healthy`, {
      details: error.details,
      hint: 'kubexm etcd members; when all are healthy, the same command goes on where it stopped',
      retryable: false,
      cause: error,
    });
  }
}

async function waitUntilUpgraded(ctx: StepContext, p: UpgradeEtcdMember): Promise<void> {
  const all = [p.own, ...p.others];
  const { done, troubles } = await pollUntil(
    async () => {
      const statuses = await endpointStatuses(ctx, endpointsOf(all));
      const own = statuses.get(p.own.endpoint);
      const found = [...troublesOf(all, statuses)];
      if (own !== undefined && `v${own.version}` !== p.to) found.push(`${p.own.name} still runs v${own.version}`);
      return { done: found.length === 0, troubles: found };
    },
    { timeoutMs: 180_000, intervalMs: 250, signal: ctx.signal },
  );
  if (!done) {
    throw new KubexmError('WAIT_TIMEOUT', `${p.own.name} is not in sync with etcd's leader after its start`, {
      details: troubles,
      hint: `on ${ctx.host.name}: journalctl -u ${p.service} -n 100 --no-pager`,
    });
  }
  // Commits a proposal everywhere. An alarm that came up meanwhile is no reason to go back; the next member refuses it.
  await checkEtcdHealth({ endpoints: endpointsOf(all), waitMs: 30_000 }).run(ctx, undefined);
}

function unexplained({ host }: StepContext, p: UpgradeEtcdMember): KubexmError {
  return new KubexmError('GUARD_REFUSED', `${p.own.name} does not answer, and no upgrade of it was interrupted`, {
    hint: `on ${host.name}: systemctl status ${p.service}; an upgrade begins with all members healthy`,
    retryable: false,
  });
}
