import { KubexmError } from '../../errors/index.js';
import type { Output } from '../../plan/index.js';
import { type ShellCommand, script } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { kubectl } from './kubectl.js';
import { type BudgetObject, budgetsOf, type PodObject, podName, podsToEvict } from './pods-to-evict.js';

/** On a node that kubexm cordoned: which operation did. Only such a node is uncordoned by kubexm. */
const cordonedBy = 'kubexm.io/cordoned-by';

const noNeed = 'there is no need';

/** How many evictions are asked for in one round trip. */
const evictionsAtOnce = 10;

/**
 * `operation`: who cordons, such as `node migrate-runtime`, and uncordons when it is through. Without it the node is to stay
 * cordoned until somebody says otherwise. All of these run on a control plane host.
 */
export interface CordonNode {
  readonly node: string;
  readonly operation?: string;
  /** Only where this says why; empty: there is no need. */
  readonly when?: Output<string>;
}

export interface DrainNode {
  readonly node: string;
  /** How long pods may take to go, budgets included. */
  readonly timeoutSeconds: number;
  /** Whether pods without a controller may go: nobody makes them anew. Default: they are an error; false: and --force is offered. */
  readonly evictUnmanaged?: boolean;
  /** Pods with an emptyDir, whose data end with them, are an error. */
  readonly keepLocalData?: boolean;
  /** How long each pod has for its end; default: as the pod says. */
  readonly graceSeconds?: number;
  /** Only pods with these labels, as kubectl's --selector. */
  readonly podSelector?: string;
  /** When pods do not go in time, a node that this operation cordoned takes new pods again. */
  readonly putBack?: string;
  /** The node goes for good: as soon as its kubelet reports no more, nobody waits for its pods. */
  readonly leaving?: boolean;
  /** Only where this says why; empty: there is no need. */
  readonly when?: Output<string>;
}

interface NodeObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly unschedulable?: boolean };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Keeps new pods from a node, and notes that kubexm did so. A node that somebody cordoned before is left as it is. */
export const cordonNode = defineStep<CordonNode>({
  kind: 'kube.cordon',
  title: (p) => `Cordon ${p.node}`,
  policy: { attempts: 3, backoffMs: 1000 },
  async precheck(ctx, p) {
    const reason = p.when && ctx.read(p.when);
    if (reason === '') return satisfied(noNeed);
    const { metadata, spec } = await nodeOf(ctx, p.node);
    if (spec.unschedulable !== true) return needed(reason ?? 'takes new pods');
    const by = metadata.annotations?.[cordonedBy];
    if (p.operation === undefined && by !== undefined) return needed(`was cordoned by ${by}, which would uncordon it`);
    return satisfied(by === undefined ? 'is cordoned, not by kubexm' : `is cordoned by ${by}`);
  },
  run: (ctx, p) =>
    patchNode(ctx, p.node, {
      metadata: { annotations: { [cordonedBy]: p.operation ?? null } },
      spec: { unschedulable: true },
    }),
  rollback: (ctx, p) => patchNode(ctx, p.node, uncordoned),
});

const uncordoned = { metadata: { annotations: { [cordonedBy]: null } }, spec: { unschedulable: null } };

/**
 * Lets a node take new pods again, where it was kubexm that cordoned it. `operation`: only where it was this one; `whoever`: in
 * any case.
 */
export const uncordonNode = defineStep<{
  readonly node: string;
  readonly operation?: string;
  readonly whoever?: boolean;
}>({
  kind: 'kube.uncordon',
  title: (p) => `Uncordon ${p.node}`,
  policy: { attempts: 3, backoffMs: 1000 },
  async precheck(ctx, p) {
    const { metadata, spec } = await nodeOf(ctx, p.node);
    const by = metadata.annotations?.[cordonedBy];
    const isOther = p.operation !== undefined && by !== p.operation;
    if (by !== undefined && isOther) return satisfied(`was cordoned by ${by}: it stays so`);
    if (by !== undefined) return needed(`was cordoned by ${by}`);
    if (spec.unschedulable === true && p.whoever === true) return needed('takes no new pods');
    return satisfied(spec.unschedulable === true ? 'was cordoned by somebody else: it stays so' : 'takes new pods');
  },
  run: (ctx, p) => patchNode(ctx, p.node, uncordoned),
});

/** Looks for pods that a drain would refuse to end, before anything is cordoned. Changes nothing. */
export const guardDrain = defineStep<DrainNode>({
  kind: 'kube.drain-guard',
  title: (p) => `Look at the pods of ${p.node}`,
  recheck: false,
  async precheck(ctx, p) {
    const pods = podsToEvict(await podsOn(ctx, p));
    refuseLosses(p, pods);
    return satisfied(`${pods.evict.length} pods are to be moved`);
  },
  run: () => Promise.resolve(),
});

/**
 * Moves pods away through the eviction API, so that PodDisruptionBudgets hold: a pod that may not go yet is asked again
 * until the time is over, and then named together with the budget that keeps it.
 */
export const drainNode = defineStep<DrainNode>({
  kind: 'kube.drain',
  title: (p) => `Drain ${p.node}`,
  // Its own limit is `timeoutSeconds`; the last answers come after it.
  policy: { timeoutMs: 86_400_000 },
  async precheck(ctx, p) {
    if (p.when && ctx.read(p.when) === '') return satisfied(noNeed);
    const pods = podsToEvict(await podsOn(ctx, p));
    if (pods.evict.length === 0) return satisfied('no pods are to be moved');
    if (await isSilent(ctx, p)) return satisfied('does not report to the API: its pods are forgotten with it');
    refuseLosses(p, pods);
    return needed(`${pods.evict.length} pods are to be moved`);
  },
  async run(ctx, p) {
    const all = podsToEvict(await podsOn(ctx, p)).evict;
    const waiting = new Map(all.map((pod) => [pod.metadata.uid, pod]));
    const told = new Map<string, string>();
    let blocked: readonly Blocked[] = [];
    ctx.progress(0, all.length, 'count');
    const answer = await pollUntil(
      async () => {
        const there = podsToEvict(await podsOn(ctx, p)).evict;
        const uids = new Set(there.map(({ metadata }) => metadata.uid));
        for (const uid of waiting.keys()) if (!uids.has(uid)) waiting.delete(uid);
        // Some came between the first look and the cordon.
        for (const pod of there) waiting.set(pod.metadata.uid, pod);
        ctx.progress(Math.max(0, all.length - waiting.size), all.length, 'count');
        blocked = await evict(ctx, p, [...waiting.values()]);
        for (const { pod, because } of blocked) {
          if (told.get(pod) === because) continue;
          told.set(pod, because);
          ctx.log('info', `${pod} cannot go yet: ${because}`, { pod, because });
        }
        return { done: waiting.size === 0 || (await isSilent(ctx, p)) };
      },
      { timeoutMs: p.timeoutSeconds * 1000, intervalMs: 1000, signal: ctx.signal },
    );
    if (answer.done) return;
    const isBack = await putBack(ctx, p);
    throw notDrained(p, { names: [...waiting.values()].map(podName), blocked, isBack });
  },
});

interface Blocked {
  readonly pod: string;
  readonly because: string;
}

/** Asks for evictions; the answer: who may not go yet, and which budget says so. */
async function evict(ctx: StepContext, p: DrainNode, pods: readonly PodObject[]): Promise<readonly Blocked[]> {
  const { host, signal } = ctx;
  const refused: { readonly pod: PodObject; readonly says: string }[] = [];
  for (let at = 0; at < pods.length; at += evictionsAtOnce) {
    const some = pods.slice(at, at + evictionsAtOnce);
    const { stdout } = await host.run(evictions(some, p), { signal, long: true });
    const answers = stdout.split('\n').filter((line) => line.startsWith('@@'));
    for (const [index, pod] of some.entries()) {
      const [, exitCode = '', says = ''] = /^@@(\d+) ?(.*)$/.exec(answers[index] ?? '') ?? [];
      // Gone meanwhile is what was wanted.
      if (exitCode !== '0' && !says.includes('NotFound')) refused.push({ pod, says });
    }
  }
  if (refused.length === 0) return [];
  const { stdout } = await host.run(kubectl(['get', 'poddisruptionbudgets', '-A', '-o', 'json']), { signal });
  const budgets = (JSON.parse(stdout) as { items: BudgetObject[] }).items;
  return refused.map(({ pod, says }) => {
    const keeping = /disruption budget|TooManyRequests/i.test(says) ? budgetsOf(pod, budgets) : [];
    return { pod: podName(pod), because: keeping.length > 0 ? `budget ${keeping.join(', ')}` : says };
  });
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ */
function evictions(pods: readonly PodObject[], { graceSeconds }: DrainNode): ShellCommand {
  const lines = pods.map(({ metadata: { name, namespace, uid } }) => {
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      // Not its successor of the same name.
      deleteOptions: {
        preconditions: { uid },
        ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
      },
    };
    const post = kubectl(['create', '--raw', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, '-f', '-']);
    return `said=$(${post.text} 2>&1 >/dev/null <<'END'\n${JSON.stringify(body)}\nEND\n); echo "@@$? $(printf %s "$said" | tr '\\n' ' ')"`;
  });
  return script(lines.join('\n'));
}

async function podsOn({ host, signal }: StepContext, { node, podSelector }: DrainNode): Promise<readonly PodObject[]> {
  const selector = podSelector === undefined ? [] : [`--selector=${podSelector}`];
  const { stdout } = await host.run(
    kubectl(['get', 'pods', '-A', `--field-selector=spec.nodeName=${node}`, ...selector, '-o', 'json']),
    { signal },
  );
  return (JSON.parse(stdout) as { items: PodObject[] }).items;
}

async function nodeOf({ host, signal }: StepContext, node: string): Promise<NodeObject> {
  const { stdout } = await host.run(kubectl(['get', 'node', node, '-o', 'json']), { signal });
  return JSON.parse(stdout) as NodeObject;
}

async function patchNode({ host, signal }: StepContext, node: string, patch: object): Promise<void> {
  await host.run(kubectl(['patch', 'node', node, '--type=merge', '--patch-file=/dev/stdin']), {
    stdin: JSON.stringify(patch),
    signal,
  });
}

/** Whether a node that is to go has not been heard of for so long that Kubernetes gave it up: no pod can end there. */
async function isSilent(ctx: StepContext, { node, leaving }: DrainNode): Promise<boolean> {
  if (leaving !== true) return false;
  const { status } = await nodeOf(ctx, node);
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'Unknown';
}

/** Whether the node takes new pods again: only where it was this operation that cordoned it. */
async function putBack(ctx: StepContext, { node, putBack: operation }: DrainNode): Promise<boolean> {
  if (operation === undefined) return false;
  const { metadata } = await nodeOf(ctx, node);
  if (metadata.annotations?.[cordonedBy] !== operation) return false;
  await patchNode(ctx, node, uncordoned);
  return true;
}

function refuseLosses(p: DrainNode, { unmanaged, local }: ReturnType<typeof podsToEvict>): void {
  if (unmanaged.length > 0 && p.evictUnmanaged !== true) throw unmanagedPods(p, unmanaged.map(podName));
  if (local.length > 0 && p.keepLocalData === true) throw localData(p, local.map(podName));
}

function unmanagedPods({ node, evictUnmanaged }: DrainNode, names: readonly string[]): KubexmError {
  const force = evictUnmanaged === false ? ', or let them end for good with --force' : '';
  return new KubexmError('GUARD_REFUSED', `${node} has ${names.length} pods that nobody would make anew elsewhere`, {
    details: names,
    hint: `delete them (kubectl delete pod -n ${names[0]?.replace('/', ' ') ?? ''})${force}; then run the same command again`,
    retryable: false,
  });
}

function localData({ node }: DrainNode, names: readonly string[]): KubexmError {
  return new KubexmError(
    'GUARD_REFUSED',
    `${node} has ${names.length} pods with data in an emptyDir, which end with them`,
    {
      details: names,
      hint: 'where the data may go: the same command with --delete-emptydir-data',
      retryable: false,
    },
  );
}

function notDrained(
  { node, timeoutSeconds }: DrainNode,
  {
    names,
    blocked,
    isBack,
  }: { readonly names: readonly string[]; readonly blocked: readonly Blocked[]; readonly isBack: boolean },
): KubexmError {
  const reasons = new Map(blocked.map(({ pod, because }) => [pod, because]));
  return new KubexmError('WAIT_TIMEOUT', `${node}: ${names.length} pods did not go within ${timeoutSeconds} s`, {
    details: names.map((name) => `${name}: ${reasons.get(name) ?? 'is still ending'}`),
    hint: `make room for what the budgets ask for (more replicas, or another node), then run the same command again; ${
      isBack ? 'the node takes new pods again, as before' : 'the node stays cordoned'
    }`,
    retryable: false,
  });
}
