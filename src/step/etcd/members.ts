import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import { defineStep, needed, satisfied } from '../define.js';
import { etcdctl, memberList } from './etcdctl.js';

/** `endpoints`: client URLs of members that vote already. */
export interface EtcdMemberChange {
  readonly name: string;
  readonly peerUrl: string;
  readonly endpoints: readonly string[];
}

const tooEarly = 'etcdserver: unhealthy cluster';

/**
 * Adds a member as a learner, so that it does not count for the quorum until it is in sync. One at a time: the limit
 * `etcd-membership`, and etcd itself, allow no second learner.
 */
export const addEtcdLearner = defineStep<EtcdMemberChange>({
  kind: 'etcd.member-add',
  title: (p) => `Add etcd member ${p.name} as a learner`,
  uses: ['etcd-membership'],
  async precheck(ctx, p) {
    const member = (await memberList(ctx, p.endpoints)).find((each) => each.peerUrls.includes(p.peerUrl));
    if (!member) return needed(`${p.peerUrl} is not in the member list`);
    return satisfied(`member ${member.id} has ${p.peerUrl}`);
  },
  async run({ host, signal }, p) {
    const add = etcdctl(p.endpoints, ['member', 'add', p.name, `--peer-urls=${p.peerUrl}`, '--learner', '-w', 'json']);
    // etcd refuses until the leader has seen every voter for five seconds, which one just promoted has yet to reach.
    const answer = await pollUntil(
      async () => {
        const { exitCode, stderr } = await host.tryRun(add, { signal });
        return { done: exitCode === 0 || !stderr.includes(tooEarly), exitCode };
      },
      { timeoutMs: 60_000, intervalMs: 250, signal },
    );
    // Anything else is a failure that the runner words best.
    if (answer.exitCode !== 0) await host.run(add, { signal });
  },
});

/** Makes a learner a voter as soon as it is in sync with the leader. */
export const promoteEtcdMember = defineStep<EtcdMemberChange, string>({
  kind: 'etcd.member-promote',
  title: (p) => `Promote etcd member ${p.name} to a voter`,
  uses: ['etcd-membership'],
  async precheck(ctx, p) {
    const member = (await memberList(ctx, p.endpoints)).find((each) => each.peerUrls.includes(p.peerUrl));
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
  async run({ host, signal }, p, memberId) {
    const answer = await pollUntil(
      async () => {
        const { exitCode, stderr } = await host.tryRun(etcdctl(p.endpoints, ['member', 'promote', memberId]), {
          signal,
        });
        return { done: exitCode === 0, stderr };
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
