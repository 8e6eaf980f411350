import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { etcdctl, memberList } from './etcdctl.js';

/** `members`: the voters there must be, no more and no fewer, each started. Absent: only health is asked. */
export interface CheckEtcdHealth {
  readonly endpoints: readonly string[];
  readonly members?: readonly { readonly name: string; readonly peerUrl: string }[];
  readonly waitMs?: number;
}

const stranger = 'is a member and no host of the role etcd';

/** Waits until every endpoint commits a proposal and the member list is what the plan says. */
export const checkEtcdHealth = defineStep<CheckEtcdHealth>({
  kind: 'etcd.health',
  title: (p) =>
    `Check that etcd is healthy on ${p.endpoints.length === 1 ? '1 endpoint' : `${p.endpoints.length} endpoints`}`,
  async precheck(ctx, p) {
    const { problems } = await look(ctx, p);
    const [first] = problems;
    return first === undefined ? satisfied('all endpoints are healthy') : needed(first);
  },
  async run(ctx, p) {
    const answer = await pollUntil(() => look(ctx, p), {
      timeoutMs: p.waitMs ?? 60_000,
      intervalMs: 250,
      signal: ctx.signal,
    });
    if (!answer.done) {
      throw new KubexmError('WAIT_TIMEOUT', `${ctx.host.name}: etcd did not become healthy`, {
        details: answer.problems,
        hint: answer.problems.some((problem) => problem.endsWith(stranger))
          ? 'name its host in spec.roleGroups.etcd, or take it out: kubexm etcd remove-member --help'
          : 'journalctl -u etcd on the members named above says why',
      });
    }
  },
  recheck: false,
  waits: true,
});

async function look(ctx: StepContext, p: CheckEtcdHealth): Promise<{ done: boolean; problems: string[] }> {
  const problems = await unhealthyEndpoints(ctx, p.endpoints);
  if (problems.length === 0 && p.members) problems.push(...(await memberDifferences(ctx, p.endpoints, p.members)));
  return { done: problems.length === 0, problems };
}

/** Exit code and JSON, never prose: `endpoint health` prints its list also when it exits with 1. */
async function unhealthyEndpoints({ host, signal }: StepContext, endpoints: readonly string[]): Promise<string[]> {
  const { stdout, stderr } = await host.tryRun(etcdctl(endpoints, ['endpoint', 'health', '-w', 'json']), { signal });
  let answers: { endpoint: string; health: boolean; error?: string }[];
  try {
    answers = JSON.parse(stdout) as typeof answers;
  } catch {
    return [`etcdctl endpoint health gave no answer: ${stderr.trim().split('\n').at(-1) ?? ''}`];
  }
  const healthy = new Set(answers.filter((answer) => answer.health).map((answer) => answer.endpoint));
  return endpoints
    .filter((endpoint) => !healthy.has(endpoint))
    .map(
      (endpoint) =>
        `${endpoint} is not healthy: ${answers.find((answer) => answer.endpoint === endpoint)?.error ?? 'no answer'}`,
    );
}

async function memberDifferences(
  ctx: StepContext,
  endpoints: readonly string[],
  wanted: NonNullable<CheckEtcdHealth['members']>,
): Promise<string[]> {
  const members = await memberList(ctx, endpoints);
  const problems: string[] = [];
  for (const { name, peerUrl } of wanted) {
    const member = members.find((each) => each.peerUrls.includes(peerUrl));
    if (!member) problems.push(`${name} (${peerUrl}) is not a member`);
    else if (member.name === '') problems.push(`${name} (${peerUrl}) was added and never started`);
    else if (member.isLearner) problems.push(`${name} is still a learner`);
  }
  for (const member of members) {
    if (!wanted.some((each) => member.peerUrls.includes(each.peerUrl))) {
      problems.push(
        `${member.name === '' ? 'an unnamed member' : member.name} (${member.peerUrls.join(', ')}) ${stranger}`,
      );
    }
  }
  return problems;
}
