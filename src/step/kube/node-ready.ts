import { KubexmError } from '../../errors/index.js';
import type { Output } from '../../plan/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { kubectl } from './kubectl.js';
import { type ClusterObject, podProblems } from './verify.js';

/** What the node must say that it runs: `runtime` its containers with, `kubelet` itself, with v. Runs on a control plane host. */
export interface NodeReady {
  readonly node: string;
  readonly runtime?: 'containerd' | 'docker';
  readonly kubelet?: string;
  /** All pods that it has of these namespaces must be ready too: a node is Ready before its network plugin serves. */
  readonly namespaces?: readonly string[];
  /** What the API says of a node that does not get Ready goes here, and is no error; empty: it is Ready. */
  readonly verdict?: Output<string>;
}

interface NodeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly nodeInfo?: { readonly containerRuntimeVersion?: string; readonly kubeletVersion?: string };
  };
}

/** Waits until the API says that a node is Ready. */
export const nodeReady = defineStep<NodeReady>({
  kind: 'kube.node-ready',
  title: (p) => `Wait until ${p.node} is Ready`,
  writes: (p) => (p.verdict === undefined ? [] : [p.verdict.$output]),
  recheck: (p) => p.verdict === undefined,
  async precheck(ctx, p) {
    const { done, because } = await look(ctx, p);
    if (!done) return needed(because);
    if (p.verdict !== undefined) ctx.write(p.verdict, '');
    return satisfied('is Ready');
  },
  async run(ctx, p) {
    const answer = await pollUntil(() => look(ctx, p), { timeoutMs: 180_000, intervalMs: 1000, signal: ctx.signal });
    // Where the API did not answer, nothing is known of the node.
    if (p.verdict !== undefined && answer.told) return ctx.write(p.verdict, answer.because);
    if (answer.done) return;
    throw new KubexmError('WAIT_TIMEOUT', `${p.node} does not become Ready`, {
      details: [answer.because],
      hint: `on ${p.node}: journalctl -u kubelet -n 50; then run the same command again`,
    });
  },
});

async function look(ctx: StepContext, p: NodeReady): Promise<Answer> {
  const answer = await lookAtNode(ctx, p);
  return answer.done && p.namespaces !== undefined ? await lookAtPods(ctx, p.node, p.namespaces) : answer;
}

async function lookAtPods({ host, signal }: StepContext, node: string, namespaces: readonly string[]): Promise<Answer> {
  const { exitCode, stdout, stderr } = await host.tryRun(
    kubectl(['get', 'pods', '-A', `--field-selector=spec.nodeName=${node}`, '-o', 'json']),
    { signal },
  );
  if (exitCode !== 0) return unanswered(stderr);
  const { items } = JSON.parse(stdout) as { items: ClusterObject[] };
  // Items of a list of one kind may come without it.
  const [problem] = podProblems(
    items.map((item) => ({ ...item, kind: 'Pod' })),
    { namespaces, nodesReady: true },
  );
  return { done: problem === undefined, because: problem ?? '', told: true };
}

interface Answer {
  readonly done: boolean;
  readonly because: string;
  /** The API answered. */
  readonly told: boolean;
}

function unanswered(stderr: string): Answer {
  return { done: false, because: stderr.trim().split('\n').at(-1) ?? 'the API does not answer', told: false };
}

function notReady(because: string): Answer {
  return { done: false, because, told: true };
}

async function lookAtNode({ host, signal }: StepContext, { node, runtime, kubelet }: NodeReady): Promise<Answer> {
  const { exitCode, stdout, stderr } = await host.tryRun(kubectl(['get', 'node', node, '-o', 'json']), { signal });
  if (exitCode !== 0) return unanswered(stderr);
  const { status } = JSON.parse(stdout) as NodeObject;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') return notReady(ready?.message || 'it has not said that it is Ready');
  const { containerRuntimeVersion: version = '', kubeletVersion = '' } = status?.nodeInfo ?? {};
  if (kubelet !== undefined && kubeletVersion !== kubelet)
    return notReady(`it says that its kubelet is ${kubeletVersion}, not ${kubelet}`);
  return runtime === undefined || version.startsWith(`${runtime}://`)
    ? { done: true, because: '', told: true }
    : notReady(`it says that it runs ${version}, not ${runtime}`);
}
