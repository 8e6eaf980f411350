import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { dataAnnotation, digestOf } from './kubeadm-documents.js';
import { kubectl } from './kubectl.js';

const kubeSystem = ['-n', 'kube-system'];
const daemonSet = 'daemonset/kube-proxy';
const selector = ['-l', 'k8s-app=kube-proxy'];
/** With what kube-proxy ran before a change of which nobody has seen that it works. */
const changeFile = '/var/lib/kubexm/kube-proxy.change.json';
/** A pod whose new container ended so often does not recover by itself. */
const hopelessRestarts = 2;

type Data = Readonly<Record<string, string>>;

/** What the pods run with: the data of the ConfigMap, null where there was none, and their DaemonSet. */
interface Before {
  readonly data: Data | null;
  /** Of the DaemonSet; 0: there was none. */
  readonly generation: number;
  /** Absent where there was no DaemonSet. */
  readonly revision?: Revision;
}

/** `hash`: what its pods carry as label. */
interface Revision {
  readonly number: number;
  readonly hash: string;
}

interface DaemonSet {
  readonly metadata: { readonly generation: number; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: { readonly template?: { readonly metadata?: Metadata } };
  readonly status: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
  };
}

interface Metadata {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Pod {
  readonly metadata: Metadata & { readonly name: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

/** Undefined where the DaemonSet is as it was noted, or was never noted; else what is wrong with it. */
export async function daemonSetDiffers(ctx: StepContext): Promise<string | undefined> {
  const found = await readDaemonSet(ctx);
  if (found === undefined) return 'its DaemonSet is not there';
  const noted = found.metadata.annotations?.[dataAnnotation];
  return noted === undefined || noted === digestOfDaemonSet(found)
    ? undefined
    : 'its DaemonSet was changed by another hand';
}

/** Notes that the DaemonSet, as it is now, is what kubeadm made. */
export async function noteDaemonSet(ctx: StepContext): Promise<void> {
  const found = await readDaemonSet(ctx);
  if (found === undefined) return;
  const note = `${dataAnnotation}=${digestOfDaemonSet(found)}`;
  await ctx.host.run(kubectl([...kubeSystem, 'annotate', '--overwrite', daemonSet, note]), { signal: ctx.signal });
}

/** Pods that were asked to start anew are the same pods. */
function digestOfDaemonSet({ spec = {} }: DaemonSet): string {
  const { 'kubectl.kubernetes.io/restartedAt': _restarted, ...annotations } =
    spec.template?.metadata?.annotations ?? {};
  const metadata = { ...spec.template?.metadata, annotations };
  return digestOf({ ...spec, template: { ...spec.template, metadata } });
}

/**
 * What the pods run with, to be kept until others were seen to work. `data`: of the ConfigMap now. A run that was killed
 * before the roll-over has left its own look: what is in the ConfigMap since then, no pod may have read.
 */
export async function rememberKubeProxy(ctx: StepContext, data: Data | undefined): Promise<Before> {
  const { host, signal } = ctx;
  const unseen = await host.readFile(changeFile, { signal });
  if (unseen !== undefined) return JSON.parse(unseen) as Before;
  const [found, revision] = await Promise.all([readDaemonSet(ctx), newestRevision(ctx)]);
  const generation = found?.metadata.generation ?? 0;
  const before: Before = { data: data ?? null, generation, ...(revision ? { revision } : {}) };
  await host.writeFile(changeFile, `${JSON.stringify(before)}\n`, { mode: 0o600, signal });
  return before;
}

/**
 * Pods read the ConfigMap when they start. One that does not become ready with the new one stops the roll-over, and the old
 * one is put back: only pods that read the new one start anew then. `after`: the data of the ConfigMap now.
 */
export async function rollKubeProxy(ctx: StepContext, before: Before, after: Data | undefined): Promise<void> {
  const { host, signal } = ctx;
  const configured = digestOf(after) !== digestOf(before.data ?? undefined);
  if (configured) await host.run(kubectl([...kubeSystem, 'rollout', 'restart', daemonSet]), { signal });
  if ((await readDaemonSet(ctx))?.metadata.generation !== before.generation) {
    const answer = await rolledOver(ctx, before.revision);
    if (!answer.done) throw await putBack(ctx, before, answer);
  }
  await host.remove(changeFile, { signal });
}

async function putBack(
  ctx: StepContext,
  { data, revision }: Before,
  { because, words = [] }: RolledOver,
): Promise<KubexmError> {
  const { host, signal } = ctx;
  let outcome = '';
  if (data && revision) {
    await host.run(
      kubectl([...kubeSystem, 'patch', 'configmap/kube-proxy', '--type=merge', '--patch-file=/dev/stdin']),
      {
        stdin: JSON.stringify({ data }),
        signal,
      },
    );
    await host.run(kubectl([...kubeSystem, 'rollout', 'undo', daemonSet, `--to-revision=${revision.number}`]), {
      signal,
    });
    const again = await rolledOver(ctx);
    outcome = again.done ? '; the old one was put back and works' : `; the old one was put back, but: ${again.because}`;
  }
  await host.remove(changeFile, { signal });
  return new KubexmError('WAIT_TIMEOUT', `kube-proxy does not come up with its new configuration${outcome}`, {
    details: [because, ...words],
    hint: 'correct spec.kubernetes.kubeProxy in the cluster file, then run the same command again; kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide',
    retryable: false,
  });
}

interface RolledOver {
  readonly done: boolean;
  readonly because: string;
  /** What a pod that does not come up said last. */
  readonly words?: readonly string[];
}

/**
 * Whether all pods are of the newest revision and stay ready. Gives up when no further pod has become ready for two minutes,
 * however many nodes there are, or when one of another revision than `before` ends again and again.
 */
async function rolledOver(ctx: StepContext, before?: Revision): Promise<RolledOver> {
  let best = -1;
  let steady = 0;
  let looks = 0;
  for (;;) {
    const answer = await pollUntil(
      async () => {
        const found = await readDaemonSet(ctx);
        const { metadata, status } = found ?? { metadata: { generation: 0 }, status: { desiredNumberScheduled: 1 } };
        const wanted = status.desiredNumberScheduled;
        const current = (status.observedGeneration ?? 0) >= metadata.generation;
        const ready = current ? Math.min(status.updatedNumberScheduled ?? 0, status.numberAvailable ?? 0) : 0;
        // A pod that ends soon after its start was ready for that time.
        steady = current && ready >= wanted ? steady + 1 : 0;
        looks += 1;
        const broken = before && looks % 8 === 0 ? await brokenPod(ctx, before) : undefined;
        const through = steady >= 4;
        return {
          done: through || broken !== undefined || (ready > best && ready < wanted),
          ready,
          wanted,
          through,
          broken,
        };
      },
      { timeoutMs: 120_000, intervalMs: 500, signal: ctx.signal },
    );
    const { ready, wanted, through, broken } = answer;
    if (through) return { done: true, because: '' };
    if (broken) return { done: false, ...broken };
    if (!answer.done) return { done: false, because: `${ready} of ${wanted} pods run with it and are ready` };
    best = ready;
    ctx.progress(ready, wanted, 'count');
  }
}

async function brokenPod(ctx: StepContext, before: Revision): Promise<Omit<RolledOver, 'done'> | undefined> {
  const { host, signal } = ctx;
  const { stdout } = await host.run(kubectl([...kubeSystem, 'get', 'pods', ...selector, '-o', 'json']), { signal });
  const pod = (JSON.parse(stdout) as { items: readonly Pod[] }).items.find(
    ({ metadata, status }) =>
      metadata.labels?.['controller-revision-hash'] !== before.hash &&
      status.containerStatuses?.some(({ ready, restartCount }) => !ready && restartCount >= hopelessRestarts),
  );
  if (pod === undefined) return undefined;
  const { metadata, spec } = pod;
  const said = await host.tryRun(kubectl([...kubeSystem, 'logs', metadata.name, '--tail=8']), { signal });
  const words = said.stdout.trim().split('\n').filter(Boolean);
  return { because: `${spec.nodeName ?? ''}: ${metadata.name} ends again and again`, words };
}

async function readDaemonSet({ host, signal }: StepContext): Promise<DaemonSet | undefined> {
  const { stdout } = await host.run(kubectl([...kubeSystem, 'get', daemonSet, '--ignore-not-found', '-o', 'json']), {
    signal,
  });
  return stdout.trim() === '' ? undefined : (JSON.parse(stdout) as DaemonSet);
}

async function newestRevision({ host, signal }: StepContext): Promise<Revision | undefined> {
  const { stdout } = await host.run(kubectl([...kubeSystem, 'get', 'controllerrevisions', ...selector, '-o', 'json']), {
    signal,
  });
  const { items } = JSON.parse(stdout) as { items: readonly { metadata: Metadata; revision: number }[] };
  const [newest] = items.toSorted((a, b) => b.revision - a.revision);
  const hash = newest?.metadata.labels?.['controller-revision-hash'];
  return newest === undefined || hash === undefined ? undefined : { number: newest.revision, hash };
}
