import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import { otherVersionHint } from '../common/version-hint.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { refuseLostKeys } from './foreign-keys.js';
import { joinState } from './join-state.js';
import { documentOf, type KubeadmDocument, staticPodInputs } from './kubeadm-documents.js';
import { renderKubeadm } from './kubeadm-render.js';
import { awaitKubeadm } from './kubeadm-unit.js';
import { kubectl } from './kubectl.js';
import { manifestDifferences } from './manifest-differences.js';
import { type RenderedFiles, stampDiffers, writeStamp } from './rendered-stamp.js';
import { lastWords, lookAtPod, readySandboxes, type StaticPod } from './static-pod-state.js';

/** In the order in which they are changed: the others are clients of the first. */
const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
type Component = (typeof components)[number];

const stateDirectory = '/var/lib/kubexm';
/** How long a component may take until it serves. */
const timeoutMs = 120_000;

const rendered: RenderedFiles = { stamp: `${stateDirectory}/static-pods.json`, files: components.map(manifestPath) };

/** `documents`: kubeadm's configuration of this host; bootstrap tokens in it are not used. */
export interface ReconcileStaticPods {
  readonly nodeName: string;
  readonly documents: readonly KubeadmDocument[];
  /** True where the documents may be of another Kubernetes version than what runs. Default false: that is an upgrade, which has an order of its own. */
  readonly otherVersion?: boolean;
  /** Where there are others, such as `https://10.0.0.12:6443`, one of them has to serve while the own one restarts. Default: not asked. */
  readonly apiservers?: { readonly own: string; readonly others: readonly string[] };
}

/** A manifest that was replaced and has not served yet: enough to see it through, or to put the old one back. */
interface Change {
  /** The manifest that served before. */
  readonly manifest: string;
  /** Ids of the pod's sandboxes before the change: a ready one that is not among them is a new pod. */
  readonly sandboxes: readonly string[];
}

interface Difference {
  readonly component: Component;
  readonly because: string;
  readonly wanted: string;
  /** Absent where there is no manifest. */
  readonly live?: string;
  /** Of an earlier run that was interrupted. */
  readonly change?: Change;
}

/**
 * Brings the static pods of a running control plane host to what the documents say: kubeadm renders them apart, and each
 * component whose manifest differs is replaced and waited for, one after the other. One that does not serve is put back.
 */
export const reconcileStaticPods = defineStep<ReconcileStaticPods>({
  kind: 'kube.static-pods',
  title: (p) => `Bring the control plane of ${p.nodeName} to the cluster file`,
  uses: ['control-plane-change'],
  policy: { timeoutMs: 1_200_000 },
  async precheck(ctx, p) {
    const [state, reason, unseen] = await Promise.all([
      joinState(ctx, 'control-plane'),
      staticPodsDiffer(ctx, staticPodInputs(p.documents)),
      changes(ctx),
    ]);
    // What has not joined yet gets its manifests from the join.
    if (state !== 'joined') return satisfied('it is no control plane yet');
    if (reason === undefined && unseen.size === 0)
      return satisfied('the manifests are as rendered from the cluster file');
    const found = await differing(ctx, p, unseen);
    return found.length > 0
      ? needed(found.map(({ component, because }) => `${component}: ${because}`).join('; '))
      : needed('the manifests are as wanted; that is noted');
  },
  async run(ctx, p) {
    await awaitKubeadm(ctx);
    for (const difference of await differing(ctx, p, await changes(ctx))) await replace(ctx, p, difference);
    await stampStaticPods(ctx, staticPodInputs(p.documents));
  },
});

/** Notes that the manifests are what kubeadm renders from the inputs with this digest. */
export function stampStaticPods(ctx: StepContext, inputs: string): Promise<void> {
  return writeStamp(ctx, rendered, inputs);
}

/** Undefined where the manifests are still what kubeadm renders from the inputs with this digest; else why not. */
export function staticPodsDiffer(ctx: StepContext, inputs: string): Promise<string | undefined> {
  return stampDiffers(ctx, rendered, inputs);
}

/** Puts manifests back that an interrupted run replaced, and of which nobody saw that they serve. */
export async function putBackUnseen(ctx: StepContext): Promise<void> {
  for (const [component, { manifest }] of await changes(ctx)) {
    ctx.log('warn', `the ${component} of an interrupted change is put back`);
    await placeManifest(ctx, component, manifest);
    await ctx.host.remove(changePath(component), { signal: ctx.signal });
  }
}

async function differing(
  ctx: StepContext,
  { documents, otherVersion = false }: ReconcileStaticPods,
  unseen: ReadonlyMap<Component, Change>,
): Promise<readonly Difference[]> {
  const { host, signal } = ctx;
  const wantedTexts = await renderKubeadm(ctx, { phase: ['control-plane', 'all'], documents });
  const found = await Promise.all(
    components.map(async (component): Promise<Difference | undefined> => {
      const wanted = wantedTexts.get(`${component}.yaml`);
      if (wanted === undefined)
        throw new KubexmError('INTERNAL', `${host.name}: kubeadm rendered no manifest of ${component}`);
      const live = await host.readFile(manifestPath(component), { signal });
      if (live !== undefined && !otherVersion) refuseOtherVersion(host.name, component, { live, wanted });
      if (live !== undefined) refuseLostKeys(host.name, { live, documents });
      const change = unseen.get(component);
      const differences = live === undefined ? ['it has no manifest'] : await manifestDifferences(live, wanted);
      const because = [...differences, ...(change ? ['an earlier change was not seen through'] : [])].join(', ');
      if (because === '') return undefined;
      return {
        component,
        because,
        wanted: differences.length > 0 || live === undefined ? wanted : live,
        ...(live === undefined ? {} : { live }),
        ...(change ? { change } : {}),
      };
    }),
  );
  return found.filter((difference) => difference !== undefined);
}

function refuseOtherVersion(
  host: string,
  component: Component,
  { live, wanted }: { readonly live: string; readonly wanted: string },
): void {
  const versionOf = (manifest: string) => /\bimage["']?: *["']?\S+?:(v[\w.-]+)/.exec(manifest)?.[1];
  const [from, to] = [versionOf(live), versionOf(wanted)];
  if (from === undefined || to === undefined || from === to) return;
  throw new KubexmError('GUARD_REFUSED', `${host}: ${component} runs ${from}, the cluster file asks for ${to}`, {
    hint: otherVersionHint(from, to),
    retryable: false,
  });
}

async function replace(ctx: StepContext, p: ReconcileStaticPods, difference: Difference): Promise<void> {
  const { component, wanted, live } = difference;
  const pod = staticPod(p, component, wanted);
  let { change } = difference;
  if (live !== wanted) {
    // The manifest of a change that was never seen to serve is not what to go back to.
    if (component === 'kube-apiserver') await requireAnotherServes(ctx, p);
    const manifest = change?.manifest ?? live;
    change = manifest === undefined ? undefined : { manifest, sandboxes: await readySandboxes(ctx, pod) };
    if (change) await writeChange(ctx, component, change);
    ctx.log('info', `${component}: ${difference.because}`);
    await placeManifest(ctx, component, wanted);
  }
  const answer = await awaitPod(ctx, pod, change?.sandboxes ?? []);
  if (!answer.done) await putBack(ctx, { p, pod, change, because: answer.because });
  await ctx.host.remove(changePath(component), { signal: ctx.signal });
}

/** The API stays: an apiserver that serves is not restarted while it is the only one, where there are others that should. */
async function requireAnotherServes({ host, signal }: StepContext, { nodeName, apiservers }: ReconcileStaticPods) {
  if (apiservers === undefined || apiservers.others.length === 0) return;
  const serves = async (server: string): Promise<boolean> => {
    const asked = kubectl([`--server=${server}`, '--request-timeout=5s', 'get', '--raw=/readyz']);
    return (await host.tryRun(asked, { signal })).exitCode === 0;
  };
  const [own, ...others] = await Promise.all([apiservers.own, ...apiservers.others].map(serves));
  if (own !== true || others.includes(true)) return;
  throw new KubexmError('GUARD_REFUSED', `the apiserver of ${nodeName} is not restarted: no other one serves`, {
    details: apiservers.others.map((server) => `${server} is not ready`),
    hint: 'kubexm cluster status; bring another control plane back, or take those that are lost out (kubexm node delete NAME); then run the same command again',
    retryable: false,
  });
}

/** Puts the old manifest back and fails, saying whether that one serves. */
async function putBack(
  ctx: StepContext,
  {
    p,
    pod,
    change,
    because,
  }: {
    readonly p: ReconcileStaticPods;
    readonly pod: StaticPod;
    readonly change: Change | undefined;
    readonly because: string;
  },
): Promise<never> {
  const component = pod.component as Component;
  const details = [because, ...(await lastWords(ctx, pod))];
  let outcome = 'there was no manifest before to put back';
  if (change) {
    const sandboxes = await readySandboxes(ctx, pod);
    await placeManifest(ctx, component, change.manifest);
    const again = await awaitPod(ctx, staticPod(p, component, change.manifest), sandboxes);
    if (again.done) await ctx.host.remove(changePath(component), { signal: ctx.signal });
    outcome = again.done
      ? 'the old manifest was put back and serves'
      : `the old manifest was put back, but does not serve either: ${again.because}`;
  }
  throw new KubexmError(
    'WAIT_TIMEOUT',
    `${ctx.host.name}: ${component} does not come up with its new manifest; ${outcome}`,
    {
      details,
      hint: `correct spec.kubernetes in the cluster file, then run the same command again; on ${ctx.host.name}: journalctl -u kubelet -n 50`,
      retryable: false,
    },
  );
}

function awaitPod(ctx: StepContext, pod: StaticPod, before: readonly string[]) {
  return pollUntil(
    async () => {
      const state = await lookAtPod(ctx, pod, before);
      return { ...state, done: state.serves || state.hopeless };
    },
    { timeoutMs, intervalMs: 500, signal: ctx.signal },
  ).then(({ serves, because }) => ({ done: serves, because }));
}

function staticPod({ nodeName, documents }: ReconcileStaticPods, component: Component, manifest: string): StaticPod {
  const { nodeRegistration } = documentOf(documents, 'InitConfiguration');
  const { criSocket = '' } = (nodeRegistration ?? {}) as { readonly criSocket?: string };
  return { component, nodeName, manifest, endpoint: criSocket };
}

/**
 * Renamed into place, so that the kubelet never reads half a manifest; from the directory above, since it would start what
 * lies beside the manifests.
 */
async function placeManifest({ host, signal }: StepContext, component: Component, text: string): Promise<void> {
  const staged = `${hostPaths.kubernetes}/${component}.yaml.kubexm`;
  await host.writeFile(staged, text, { mode: 0o600, signal });
  await host.run(sh`mv -f ${staged} ${manifestPath(component)}`, { signal });
}

async function changes({ host, signal }: StepContext): Promise<ReadonlyMap<Component, Change>> {
  const found = await host.statMany(components.map(changePath), { signal });
  const unseen = new Map<Component, Change>();
  for (const component of components) {
    if (!found.has(changePath(component))) continue;
    const text = await host.readFile(changePath(component), { signal });
    if (text !== undefined) unseen.set(component, JSON.parse(text) as Change);
  }
  return unseen;
}

async function writeChange({ host, signal }: StepContext, component: Component, change: Change): Promise<void> {
  await host.writeFile(changePath(component), `${JSON.stringify(change, null, 1)}\n`, { mode: 0o600, signal });
}

function changePath(component: string): string {
  return `${stateDirectory}/${component}.change.json`;
}

function manifestPath(component: string): string {
  return `${hostPaths.kubernetes}/manifests/${component}.yaml`;
}
