import { ports } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { systemctl } from '../systemd/unit.js';
import { alarmHint, raisedAlarms } from './alarm-list.js';
import { endpointStatuses } from './endpoint-status.js';
import { type EtcdMember, etcdctl, memberList } from './etcdctl.js';
import { type AssumedEtcdMember, refuseOtherMembers } from './members-assumed.js';
import { type EtcdDataDir, etcdDataOwner, moveEtcdDataAside } from './members-data.js';

/** `endpoints`: client URLs of members that vote already. `assumed`: the other members that the plan counts on. */
export interface EtcdMemberChange {
  readonly name: string;
  readonly peerUrl: string;
  readonly endpoints: readonly string[];
  readonly assumed?: readonly AssumedEtcdMember[];
}

export interface JoinEtcd extends EtcdMemberChange, EtcdDataDir {
  readonly service: string;
}

/** What an earlier attempt, or an earlier life of the host, left: in the member list and on the disk. */
interface Joining {
  readonly because: string;
  /** Absent: nothing to do. */
  readonly todo?: {
    /** Data of a member that is none, or no longer: etcd would refuse to start with them. */
    readonly staleData: boolean;
    /** A learner that lost its data can never catch up under its id. It has no vote, so nobody misses it. */
    readonly lostLearner?: string;
    readonly add: boolean;
  };
}

/**
 * Adds the host that it runs on as a learner, which does not count for the quorum until it is in sync. One at a time: the
 * limit `etcd-membership`, and etcd itself, allow no second learner. Data that are not this member's are moved aside.
 */
export const addEtcdLearner = defineStep<JoinEtcd>({
  kind: 'etcd.member-add',
  title: (p) => `Add etcd member ${p.name} as a learner`,
  uses: ['etcd-membership'],
  policy: { timeoutMs: 900_000 },
  async precheck(ctx, p) {
    const { because, todo } = await joining(ctx, p);
    return todo ? needed(because) : satisfied(because);
  },
  async run(ctx, p) {
    const { todo } = await joining(ctx, p);
    if (!todo) return;
    if (todo.add) await refuseUnderAlarm(ctx, p.endpoints);
    if (todo.lostLearner !== undefined) await changeMembers(ctx, p.endpoints, ['remove', todo.lostLearner]);
    if (todo.staleData) {
      const { load, active } = await ctx.host.serviceState(p.service, { signal: ctx.signal });
      if (load === 'loaded' && active !== 'inactive') await systemctl(ctx, 'stop', p.service);
      const path = await moveEtcdDataAside(ctx, p, 'stale');
      ctx.log('warn', `data of another membership are kept in ${path}; delete them when nobody needs them`);
    }
    if (todo.add)
      await changeMembers(ctx, p.endpoints, ['add', p.name, `--peer-urls=${p.peerUrl}`, '--learner', '-w', 'json']);
  },
});

/** Makes a learner a voter as soon as it is in sync with the leader. */
export const promoteEtcdMember = defineStep<EtcdMemberChange, string>({
  kind: 'etcd.member-promote',
  title: (p) => `Promote etcd member ${p.name} to a voter`,
  uses: ['etcd-membership'],
  async precheck(ctx, p) {
    const { member } = await memberNow(ctx, p);
    if (!member)
      throw new KubexmError(
        'COMMAND_FAILED',
        `${ctx.host.name}: ${p.name} (${p.peerUrl}) vanished from etcd's member list`,
        { retryable: false },
      );
    return member.isLearner
      ? needed(`member ${member.id} is a learner`, member.id)
      : satisfied(`member ${member.id} votes`);
  },
  async run(ctx, p, memberId) {
    const { host, signal } = ctx;
    await memberNow(ctx, p);
    const answer = await pollUntil(
      async () => {
        const { exitCode, stderr } = await host.tryRun(etcdctl(p.endpoints, ['member', 'promote', memberId]), {
          signal,
        });
        // An answer may be lost, or what a killed run has asked for may come true only now; etcd promotes nobody twice.
        return { done: exitCode === 0 || (notLearner.test(stderr) && (await votes(ctx, p))), stderr };
      },
      { timeoutMs: 120_000, intervalMs: 250, signal },
    );
    if (!answer.done) {
      throw new KubexmError('WAIT_TIMEOUT', `${host.name}: etcd member ${p.name} did not catch up with the leader`, {
        details: answer.stderr.trim().split('\n').slice(-3),
        hint: `journalctl -u etcd on ${p.name}; then run the same command again`,
      });
    }
  },
});

/** It goes on with `which is in sync with leader` where it is one, and too far behind. */
const notLearner = /can only promote a learner member$/m;

async function votes(ctx: StepContext, p: EtcdMemberChange): Promise<boolean> {
  const { member } = await memberNow(ctx, p);
  return member?.isLearner === false;
}

const tooEarly = 'etcdserver: unhealthy cluster';

/**
 * Changes the member list. etcd refuses until the leader has seen enough voters for five seconds without a break, which
 * one just promoted or restarted has yet to reach: that is waited for.
 */
export async function changeMembers(
  { host, signal }: StepContext,
  endpoints: readonly string[],
  args: readonly string[],
): Promise<void> {
  const command = etcdctl(endpoints, ['member', ...args]);
  const answer = await pollUntil(
    async () => {
      const { exitCode, stderr } = await host.tryRun(command, { signal });
      return { done: exitCode === 0 || !stderr.includes(tooEarly), exitCode };
    },
    { timeoutMs: 60_000, intervalMs: 250, signal },
  );
  if (!answer.done) {
    throw new KubexmError(
      'WAIT_TIMEOUT',
      `${host.name}: etcd refuses to change its members: too few of them are connected with each other`,
      { hint: 'kubexm etcd members says which; bring them back, then run the same command again' },
    );
  }
  // Anything else is a failure that the runner words best.
  if (answer.exitCode !== 0) await host.run(command, { signal });
}

async function memberNow(
  ctx: StepContext,
  { peerUrl, endpoints, assumed }: EtcdMemberChange,
): Promise<{ readonly members: readonly EtcdMember[]; readonly member: EtcdMember | undefined }> {
  const members = await memberList(ctx, endpoints);
  if (assumed) refuseOtherMembers(ctx, members, assumed, peerUrl);
  return { members, member: members.find((each) => each.peerUrls.includes(peerUrl)) };
}

async function joining(ctx: StepContext, p: JoinEtcd): Promise<Joining> {
  const [{ members, member }, owner] = await Promise.all([memberNow(ctx, p), etcdDataOwner(ctx, p)]);
  const other = members.find(({ id }) => id === owner?.memberId && id !== member?.id);
  if (owner !== undefined && other !== undefined) throw dataOfAnother(ctx, p, other);
  const staleData = owner !== undefined && owner.memberId !== member?.id;
  if (staleData) await refuseLivingCluster(ctx, p);
  const aside = `the data on it belong to ${owner?.memberId ?? 'nobody'}, which is no member, and are moved aside`;
  if (!member) {
    const because = `${p.peerUrl} is not in the member list`;
    return { because: staleData ? `${because}; ${aside}` : because, todo: { staleData, add: true } };
  }
  if (owner?.memberId === member.id) return { because: `member ${member.id} has ${p.peerUrl}` };
  // It has no name until its first start.
  if (member.name === '') {
    if (staleData) return { because: `member ${member.id} was added; ${aside}`, todo: { staleData, add: false } };
    return { because: `member ${member.id} was added and has not been started` };
  }
  if (!member.isLearner) throw lostVoter(ctx, p, member);
  return {
    because: `the learner ${member.id} has lost its data, and is added anew`,
    todo: { staleData, lostLearner: member.id, add: true },
  };
}

/** The plan has looked for alarms; one may have been raised since. A new member gets its data from the leader. */
async function refuseUnderAlarm(ctx: StepContext, endpoints: readonly string[]): Promise<void> {
  const alarms = (await raisedAlarms(ctx, endpoints)).filter(({ isGone }) => !isGone);
  if (alarms.length === 0) return;
  const statuses = await endpointStatuses(ctx, endpoints);
  const leaders = new Set([...statuses.values()].map(({ leaderId }) => leaderId));
  const wrong = alarms.filter(
    ({ alarm, memberId }) => alarm !== 'CORRUPT' || memberId === '0' || leaders.has(memberId),
  );
  if (wrong.length === 0) return;
  throw new KubexmError('GUARD_REFUSED', `${ctx.host.name}: etcd takes nobody in under an alarm`, {
    details: wrong.map(({ alarm, memberId }) => `alarm ${alarm} of ${memberId}`),
    hint: alarmHint(wrong.map(({ alarm }) => alarm)),
    retryable: false,
  });
}

/** Data that a quorum works with are nobody's leftovers, whatever other members say: this may be the cluster, and they the leftovers. */
async function refuseLivingCluster(ctx: StepContext, { service, dataDir, endpoints }: JoinEtcd): Promise<void> {
  const own = `https://127.0.0.1:${ports.etcdClient}`;
  const { active } = await ctx.host.serviceState(service, { signal: ctx.signal });
  if (active !== 'active') return;
  const status = (await endpointStatuses(ctx, [own])).get(own);
  if (status === undefined || status.leaderId === '0' || status.isLearner) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    `${ctx.host.name} serves an etcd of its own with the data in ${dataDir}, and that of ${endpoints.join(', ')} does not know it`,
    {
      hint: `find out which of the two is the cluster's (kubexm etcd members). If that on ${ctx.host.name} is not needed: systemctl stop ${service} there, then run the same command again: its data are moved aside`,
      retryable: false,
    },
  );
}

/** A voter that starts without what it has voted for can break the promises that it made to the others. */
function lostVoter({ host }: StepContext, { name, dataDir }: JoinEtcd, member: EtcdMember): KubexmError {
  return new KubexmError(
    'GUARD_REFUSED',
    `${host.name} votes in etcd as ${member.id}, but the data of that member are not in ${dataDir}`,
    {
      hint: `if its data are lost: kubexm etcd replace-member ${name}. If spec.etcd.dataDir was changed: put the old path back`,
      retryable: false,
    },
  );
}

function dataOfAnother({ host }: StepContext, { peerUrl, dataDir }: JoinEtcd, member: EtcdMember): KubexmError {
  return new KubexmError(
    'GUARD_REFUSED',
    `${host.name}: the data in ${dataDir} are those of the member ${member.id}, whose peer URL is ${member.peerUrls.join(', ')} and not ${peerUrl}`,
    {
      hint: `if the host's address has changed: kubexm etcd remove-member ${member.id}, then run the same command again`,
      retryable: false,
    },
  );
}
