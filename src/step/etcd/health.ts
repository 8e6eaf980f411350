import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { alarmHint } from './alarm-list.js';
import { parseEndpointHealths } from './endpoint-health.js';
import { etcdctl, parseMemberList } from './etcdctl.js';

/**
 * `members`: the voters there must be, no more and no fewer, each started. Absent: only health is asked. `writes`: what follows
 * writes, so that an alarm is refused; without it an alarm is told, and is nothing that waiting would help.
 */
export interface CheckEtcdHealth {
  readonly endpoints: readonly string[];
  readonly members?: readonly { readonly name: string; readonly peerUrl: string }[];
  readonly writes?: true;
  readonly waitMs?: number;
}

const stranger = 'is a member and no host of the role etcd';

/** Waits until every endpoint commits a proposal and the member list is what the plan says. */
export const checkEtcdHealth = defineStep<CheckEtcdHealth>({
  kind: 'etcd.health',
  title: (p) =>
    `Check that etcd is healthy on ${p.endpoints.length === 1 ? '1 endpoint' : `${p.endpoints.length} endpoints`}`,
  async precheck(ctx, p) {
    const { problems, alarms } = await look(ctx, p);
    const [first] = problems;
    return first === undefined ? satisfied(`all endpoints are healthy${tell(ctx, p, alarms)}`) : needed(first);
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
    tell(ctx, p, answer.alarms);
  },
  recheck: false,
  waits: true,
});

interface Look {
  readonly done: boolean;
  readonly problems: readonly string[];
  readonly alarms: readonly string[];
}

async function look(ctx: StepContext, p: CheckEtcdHealth): Promise<Look> {
  const { problems, alarms } = await unhealthyEndpoints(ctx, p.endpoints);
  if (problems.length === 0 && p.members) problems.push(...(await memberDifferences(ctx, p.endpoints, p.members)));
  return { done: problems.length === 0, problems, alarms };
}

/** Throws GUARD_REFUSED where an alarm stands against what follows. */
function tell({ host, log }: StepContext, { writes }: CheckEtcdHealth, alarms: readonly string[]): string {
  if (alarms.length === 0) return '';
  const raised = `the alarm ${alarms.join(', ')} is raised`;
  if (writes) {
    throw new KubexmError('GUARD_REFUSED', `${host.name}: etcd takes no writes: ${raised}`, {
      hint: alarmHint(alarms),
      retryable: false,
    });
  }
  log('warn', `${raised}: ${alarmHint(alarms)}`);
  return `; ${raised}`;
}

/** Exit code and JSON, never prose: `endpoint health` prints its list also when it exits with 1. */
async function unhealthyEndpoints(
  { host, signal }: StepContext,
  endpoints: readonly string[],
): Promise<{ readonly problems: string[]; readonly alarms: readonly string[] }> {
  const { stdout, stderr } = await host.tryRun(etcdctl(endpoints, ['endpoint', 'health', '-w', 'json']), { signal });
  const answers = parseEndpointHealths(stdout);
  if (answers === undefined)
    return { problems: [`etcdctl endpoint health gave no answer: ${lastLine(stderr)}`], alarms: [] };
  const problems = endpoints
    .filter((endpoint) => answers.get(endpoint)?.healthy !== true)
    .map((endpoint) => `${endpoint} is not healthy: ${answers.get(endpoint)?.error ?? 'no answer'}`);
  return { problems, alarms: [...new Set([...answers.values()].flatMap(({ alarms }) => alarms))] };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** A list that cannot be read is a difference too: while another leader is elected nobody answers. */
async function memberDifferences(
  { host, signal }: StepContext,
  endpoints: readonly string[],
  wanted: NonNullable<CheckEtcdHealth['members']>,
): Promise<string[]> {
  const answer = await host.tryRun(etcdctl(endpoints, ['member', 'list', '-w', 'json']), { signal });
  if (answer.exitCode !== 0) return [`etcdctl member list failed: ${lastLine(answer.stderr)}`];
  const members = parseMemberList(answer.stdout, host.name);
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
