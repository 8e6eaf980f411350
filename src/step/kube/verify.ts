import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { kubectl } from './kubectl.js';

/** `namespaces`: whose pods must all run. `dnsAddress`: the cluster IP of CoreDNS; absent where there is no pod network yet. */
export interface VerifyCluster {
  readonly nodes: readonly string[];
  readonly namespaces: readonly string[];
  readonly dns?: { readonly address: string; readonly name: string };
  /** False where the user brings the network: nodes then cannot be Ready yet. */
  readonly nodesReady: boolean;
}

/** Waits until all nodes are Ready, all system pods run, and CoreDNS answers a question that is asked over its Service. */
export const verifyCluster = defineStep<VerifyCluster>({
  kind: 'kube.verify',
  title: (p) => `Verify ${p.nodes.length} nodes, system pods and DNS`,
  policy: { timeoutMs: 420_000 },
  recheck: false,
  waits: true,
  async precheck(ctx, p) {
    const { problems } = await look(ctx, p);
    const [first] = problems;
    return first === undefined ? satisfied('all nodes are Ready, all system pods run, DNS answers') : needed(first);
  },
  async run(ctx, p) {
    const answer = await pollUntil(() => look(ctx, p), { timeoutMs: 360_000, intervalMs: 500, signal: ctx.signal });
    if (!answer.done) {
      throw new KubexmError('WAIT_TIMEOUT', 'the cluster did not become ready', {
        details: answer.problems.slice(0, 20),
        hint: `on ${ctx.host.name}: kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes,pods -A -o wide`,
      });
    }
  },
});

async function look(ctx: StepContext, p: VerifyCluster): Promise<{ done: boolean; problems: string[] }> {
  const { exitCode, stdout, stderr } = await ctx.host.tryRun(kubectl(['get', 'nodes,pods', '-A', '-o', 'json']), {
    signal: ctx.signal,
  });
  if (exitCode !== 0)
    return { done: false, problems: [`the API does not answer: ${stderr.trim().split('\n').at(-1) ?? ''}`] };
  const { items } = JSON.parse(stdout) as { items: ClusterObject[] };
  const problems = [...nodeProblems(items, p), ...podProblems(items, p)];
  if (problems.length === 0 && p.dns && !(await dnsAnswers(ctx, p.dns)))
    problems.push(`CoreDNS does not answer at ${p.dns.address}`);
  return { done: problems.length === 0, problems };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

export interface ClusterObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly deletionTimestamp?: string };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly ready: boolean;
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

/** Pure: what is wrong with the nodes. */
export function nodeProblems(
  items: readonly ClusterObject[],
  { nodes, nodesReady }: Pick<VerifyCluster, 'nodes' | 'nodesReady'>,
): string[] {
  const found = new Map(items.filter((item) => item.kind === 'Node').map((node) => [node.metadata.name, node]));
  return nodes.flatMap((name) => {
    const node = found.get(name);
    if (!node) return [`node ${name} has not registered`];
    const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
    return nodesReady && ready?.status !== 'True'
      ? [`node ${name} is not Ready: ${ready?.message ?? 'no status yet'}`]
      : [];
  });
}

/** Pure: what is wrong with the system pods. */
export function podProblems(
  items: readonly ClusterObject[],
  { namespaces, nodesReady }: Pick<VerifyCluster, 'namespaces' | 'nodesReady'>,
): string[] {
  const pods = items.filter(
    (item) =>
      item.kind === 'Pod' &&
      namespaces.includes(item.metadata.namespace ?? '') &&
      item.metadata.deletionTimestamp === undefined,
  );
  if (pods.length === 0) return ['there are no system pods yet'];
  return pods.flatMap((pod) => {
    // Without a network CoreDNS cannot be scheduled; what runs on the host's own network must run all the same.
    if (!nodesReady && pod.spec?.nodeName === undefined) return [];
    const { phase, conditions, containerStatuses } = pod.status ?? {};
    if (phase === 'Succeeded') return [];
    if (
      phase === 'Running' &&
      conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True')
    )
      return [];
    const waiting = containerStatuses?.map((status) => status.state?.waiting).find((state) => state !== undefined);
    const where = pod.spec?.nodeName === undefined ? '' : ` on ${pod.spec.nodeName}`;
    return [
      `pod ${pod.metadata.namespace ?? ''}/${pod.metadata.name}${where} is not Ready: ${[waiting?.reason ?? phase, waiting?.message].filter(Boolean).join(': ')}`,
    ];
  });
}

/** One question over UDP with nothing but bash: hosts need not have dig or nslookup. The answer's RCODE must be 0. */
async function dnsAnswers(
  { host, signal }: StepContext,
  { address, name }: { readonly address: string; readonly name: string },
): Promise<boolean> {
  const labels = name.split('.').map((label) => `\\x${label.length.toString(16).padStart(2, '0')}${label}`);
  const question = `\\x13\\x37\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00${labels.join('')}\\x00\\x00\\x01\\x00\\x01`;
  // Written through dd as one datagram: a printf of bash's own breaks it up at every line feed.
  const ask = `exec 3<>/dev/udp/${address}/53; printf '${question}' | dd bs=512 iflag=fullblock 2>/dev/null >&3; timeout 2 dd bs=512 count=1 <&3 2>/dev/null | od -An -tx1 -N4`;
  const { stdout } = await host.tryRun(sh`bash -c ${ask}`, { signal, timeoutMs: 10_000 });
  const bytes = stdout.trim().split(/\s+/);
  return bytes[0] === '13' && bytes[1] === '37' && (Number.parseInt(bytes[3] ?? 'f', 16) & 0x0f) === 0;
}
