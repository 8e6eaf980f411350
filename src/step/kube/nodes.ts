import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { kubectl, nodeNames } from './kubectl.js';

export interface TaintSpec {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** What a node must carry; anything else on it is left alone, but for `absentTaints` (keys). */
export interface NodeMetadata {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly annotations: { readonly [key: string]: string };
  readonly taints: readonly TaintSpec[];
  readonly absentTaints: readonly string[];
}

export interface ReconcileNodes {
  readonly nodes: readonly NodeMetadata[];
}

interface NodeObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec: { readonly taints?: readonly TaintSpec[] };
}

/** Labels, annotations and taints of the cluster file, in one look at all nodes. */
export const reconcileNodes = defineStep<ReconcileNodes>({
  kind: 'kube.nodes',
  title: (p) => `Label ${p.nodes.length} nodes`,
  policy: { attempts: 3, backoffMs: 1000 },
  async precheck(ctx, p) {
    const differences = await differing(ctx, p);
    const [first] = differences;
    return first
      ? needed(`${first.name}: ${first.because}${differences.length > 1 ? ` and ${differences.length - 1} more` : ''}`)
      : satisfied('labels, annotations and taints are as in the cluster file');
  },
  async run(ctx, p) {
    await awaitNodes(ctx, p);
    for (const { name, patch } of await differing(ctx, p)) {
      await ctx.host.run(kubectl(['patch', 'node', name, '--type=merge', '--patch-file=/dev/stdin']), {
        stdin: JSON.stringify(patch),
        signal: ctx.signal,
      });
    }
  },
});

/** kubeadm's join ends before the kubelet has registered its node. */
async function awaitNodes(ctx: StepContext, p: ReconcileNodes): Promise<void> {
  const answer = await pollUntil(
    async () => {
      const found = await nodeNames(ctx);
      const absent = p.nodes.filter((node) => !found.has(node.name)).map((node) => node.name);
      return { done: absent.length === 0, missing: absent };
    },
    { timeoutMs: 120_000, intervalMs: 500, signal: ctx.signal },
  );
  if (answer.done) return;
  throw new KubexmError('WAIT_TIMEOUT', `${answer.missing.join(', ')} did not register with the API`, {
    hint: `journalctl -u kubelet -n 50 on ${answer.missing.join(', ')}`,
  });
}

interface Difference {
  readonly name: string;
  readonly because: string;
  readonly patch: object;
}

async function differing(ctx: StepContext, p: ReconcileNodes): Promise<Difference[]> {
  const { stdout } = await ctx.host.run(kubectl(['get', 'nodes', '-o', 'json']), { signal: ctx.signal });
  const found = new Map(
    (JSON.parse(stdout) as { items: NodeObject[] }).items.map((node) => [node.metadata.name, node]),
  );
  return p.nodes.flatMap((wanted) => nodeDifference(wanted, found.get(wanted.name)));
}

/** Pure: what must be patched on one node. A node that is not there yet is a difference that the patch then reports. */
export function nodeDifference(wanted: NodeMetadata, found: NodeObject | undefined): Difference[] {
  const because: string[] = [];
  const labels = missing(wanted.labels, found?.metadata.labels ?? {});
  const annotations = missing(wanted.annotations, found?.metadata.annotations ?? {});
  because.push(
    ...Object.keys(labels).map((key) => `label ${key}`),
    ...Object.keys(annotations).map((key) => `annotation ${key}`),
  );
  const before = found?.spec.taints ?? [];
  const kept = before.filter(
    (taint) => !wanted.absentTaints.includes(taint.key) && !wanted.taints.some((each) => sameTaint(each, taint)),
  );
  const removed = before.filter((taint) => wanted.absentTaints.includes(taint.key));
  const added = wanted.taints.filter(
    (each) => !before.some((taint) => sameTaint(each, taint) && (taint.value ?? '') === (each.value ?? '')),
  );
  because.push(
    ...removed.map((taint) => `taint ${taint.key} is too much`),
    ...added.map((taint) => `taint ${taint.key}`),
  );
  if (because.length === 0) return [];
  const taints = removed.length + added.length > 0 ? { spec: { taints: [...kept, ...wanted.taints] } } : {};
  return [{ name: wanted.name, because: because.join(', '), patch: { metadata: { labels, annotations }, ...taints } }];
}

function sameTaint(a: TaintSpec, b: TaintSpec): boolean {
  return a.key === b.key && a.effect === b.effect;
}

function missing(
  wanted: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => found[key] !== value));
}
