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

/** On a node: which of its labels, annotations and taints kubexm has set, as JSON. Only these does it take off again. */
const managedBy = 'kubexm.io/managed';

/**
 * What a node must carry. What kubexm set earlier and is not wanted any more goes; anything else on it is left alone, but for
 * `absentTaints` (keys).
 */
export interface NodeMetadata {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly annotations: { readonly [key: string]: string };
  readonly taints: readonly TaintSpec[];
  readonly absentTaints: readonly string[];
  /** Only a part of what kubexm sets: nothing that is not named here goes. */
  readonly partial?: boolean;
}

export interface ReconcileNodes {
  readonly nodes: readonly NodeMetadata[];
}

export interface NodeObject {
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
  const labels = changes(wanted.labels, found?.metadata.labels);
  const annotations = changes(wanted.annotations, found?.metadata.annotations);
  const before = found?.spec.taints ?? [];
  const isStale = (taint: TaintSpec) => wanted.absentTaints.includes(taint.key);
  const removed = before.filter(isStale);
  const added = wanted.taints.filter(
    (each) => !before.some((taint) => sameTaint(each, taint) && (taint.value ?? '') === (each.value ?? '')),
  );
  const stale = wanted.partial === true ? nothingManaged : noLongerWanted(wanted, found);
  const goneTaints = before.filter((taint) => !isStale(taint) && stale.taints.includes(taintName(taint)));
  const because = [
    ...Object.keys(labels).map((key) => `label ${key}`),
    ...Object.keys(annotations).map((key) => `annotation ${key}`),
    ...stale.labels.map((key) => `label ${key} is too much`),
    ...stale.annotations.map((key) => `annotation ${key} is too much`),
    ...[...removed, ...goneTaints].map((taint) => `taint ${taint.key} is too much`),
    ...added.map((taint) => `taint ${taint.key}`),
  ];
  const noted = wanted.partial === true ? undefined : managedNote(wanted);
  if (noted !== undefined && noted !== (found?.metadata.annotations?.[managedBy] ?? '')) {
    annotations[managedBy] = noted === '' ? null : noted;
    if (because.length === 0) because.push('it does not say yet what kubexm has set on it');
  }
  if (because.length === 0) return [];
  for (const key of stale.labels) labels[key] = null;
  for (const key of stale.annotations) annotations[key] = null;
  const kept = before.filter(
    (taint) =>
      !removed.includes(taint) && !goneTaints.includes(taint) && !wanted.taints.some((each) => sameTaint(each, taint)),
  );
  const taintsDiffer = removed.length + goneTaints.length + added.length > 0;
  const taints = taintsDiffer ? { spec: { taints: [...kept, ...wanted.taints] } } : {};
  return [{ name: wanted.name, because: because.join(', '), patch: { metadata: { labels, annotations }, ...taints } }];
}

/** Keys of labels and annotations; taints as `key:effect`. */
interface Managed {
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
  readonly taints: readonly string[];
}

const nothingManaged: Managed = { labels: [], annotations: [], taints: [] };

/** Empty where kubexm sets nothing on the node. */
function managedNote({ labels, annotations, taints }: NodeMetadata): string {
  const managed: Managed = {
    labels: Object.keys(labels).sort(),
    annotations: Object.keys(annotations).sort(),
    taints: taints.map(taintName).sort(),
  };
  return Object.values(managed).every((names: readonly string[]) => names.length === 0) ? '' : JSON.stringify(managed);
}

/** What kubexm set earlier, is still there, and is not in the cluster file any more. */
function noLongerWanted(wanted: NodeMetadata, found: NodeObject | undefined): Managed {
  const { metadata, spec } = found ?? { metadata: { name: '' }, spec: {} };
  const managed = readManaged(metadata.annotations?.[managedBy]);
  const present = (spec.taints ?? []).map(taintName);
  return {
    labels: managed.labels.filter((key) => !(key in wanted.labels) && key in (metadata.labels ?? {})),
    annotations: managed.annotations.filter(
      (key) => !(key in wanted.annotations) && key in (metadata.annotations ?? {}),
    ),
    taints: managed.taints.filter((name) => !wanted.taints.map(taintName).includes(name) && present.includes(name)),
  };
}

/** A note that another hand has spoilt says nothing: then nothing is taken off. */
function readManaged(note: string | undefined): Managed {
  try {
    const { labels = [], annotations = [], taints = [] } = JSON.parse(note ?? '{}') as Partial<Managed>;
    return { labels: [...labels], annotations: [...annotations], taints: [...taints] };
  } catch {
    return nothingManaged;
  }
}

function taintName({ key, effect }: TaintSpec): string {
  return `${key}:${effect}`;
}

function sameTaint(a: TaintSpec, b: TaintSpec): boolean {
  return a.key === b.key && a.effect === b.effect;
}

/** Null takes one off. */
function changes(
  wanted: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>> = {},
): Record<string, string | null> {
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => found[key] !== value));
}
