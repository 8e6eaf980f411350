import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { deepMerge } from '../../util/deep-merge.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { joinState } from './join-state.js';
import { type KubeadmDocument, kubeletInputs } from './kubeadm-documents.js';
import { renderKubeadm } from './kubeadm-render.js';
import { hopelessRestarts, lookAtKubelet } from './kubelet-state.js';
import { noteUnit, staleUnit } from './kubelet-unit.js';
import { documentDifferences, flagDifferences } from './manifest-differences.js';
import { type RenderedFiles, stampDiffers, writeStamp } from './rendered-stamp.js';

const directory = '/var/lib/kubelet';
const configFile = `${directory}/config.yaml`;
const flagsFile = `${directory}/kubeadm-flags.env`;
const changeFile = '/var/lib/kubexm/kubelet.change.json';
const timeoutMs = 90_000;

const rendered: RenderedFiles = {
  stamp: '/var/lib/kubexm/kubelet.json',
  files: [configFile, flagsFile],
  // kubeadm writes the socket of the container runtime into a file of its own from 1.34 on.
  optional: [`${directory}/instance-config.yaml`],
};

/** What the kubelet reads only when it registers its node: no reason to restart it. */
const registrationFlags = ['--node-labels', '--register-with-taints'];

/** `documents`: as of reconcileStaticPods, also on workers. */
export interface ReconcileKubelet {
  readonly nodeName: string;
  readonly role: 'control-plane' | 'worker';
  readonly documents: readonly KubeadmDocument[];
}

/** Of the kubelet's files, by their paths. */
export type KubeletTexts = Readonly<Record<string, string>>;

interface Difference {
  readonly because: readonly string[];
  readonly restart: boolean;
  /** What to write, by path. */
  readonly wanted: KubeletTexts;
  /** What is there, of the same paths. */
  readonly live: KubeletTexts;
}

/**
 * Brings the kubelet's configuration and flags of a running node to what the documents say, as kubeadm renders them, and
 * restarts the kubelet where that is needed, or where its unit has become another; pods go on running. A kubelet that does
 * not come up gets its old files back.
 */
export const reconcileKubelet = defineStep<ReconcileKubelet>({
  kind: 'kube.kubelet',
  title: () => 'Bring the kubelet to the cluster file',
  uses: ['kubelet-restart'],
  policy: { timeoutMs: 600_000 },
  async precheck(ctx, p) {
    const [state, reason, unseen, stale] = await Promise.all([
      joinState(ctx, p.role),
      stampDiffers(ctx, rendered, kubeletInputs(p.documents)),
      ctx.host.stat(changeFile, { signal: ctx.signal }),
      staleUnit(ctx),
    ]);
    if (state !== 'joined') return satisfied('it is no node yet');
    if (reason === undefined && unseen === undefined && stale === undefined)
      return satisfied('its files are as rendered from the cluster file');
    const because = reason === undefined ? [] : (await kubeletDifference(ctx, p)).because;
    const reasons = [
      ...because,
      ...(unseen ? ['an earlier change was not seen through'] : []),
      ...(stale === undefined ? [] : [stale]),
    ];
    return needed(reasons.length > 0 ? reasons.join(', ') : 'its files are as wanted; that is noted');
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    const difference = await kubeletDifference(ctx, p);
    const unseen = await host.readFile(changeFile, { signal });
    // The files of a change that nobody saw at work are not what to go back to.
    const before = { ...difference.live, ...(unseen === undefined ? {} : (JSON.parse(unseen) as KubeletTexts)) };
    const stale = await staleUnit(ctx);
    if (difference.restart || unseen !== undefined || stale !== undefined) {
      await host.writeFile(changeFile, JSON.stringify(before), { mode: 0o600, signal });
      await writeKubeletFiles(ctx, difference.wanted);
      const answer = await restartedKubelet(ctx, p);
      if (!answer.done) await putBack(ctx, p, before, answer.because);
      if (stale !== undefined) await noteUnit(ctx);
      await host.remove(changeFile, { signal });
    } else await writeKubeletFiles(ctx, difference.wanted);
    await stampKubelet(ctx, kubeletInputs(p.documents));
  },
});

/** Notes that the kubelet's files are what kubeadm renders from the inputs with this digest. */
export function stampKubelet(ctx: StepContext, inputs: string): Promise<void> {
  return writeStamp(ctx, rendered, inputs);
}

/** What of the kubelet's files is not as kubeadm renders it from the documents, with the kubeadm in place. */
export async function kubeletDifference(
  ctx: StepContext,
  { documents }: Pick<ReconcileKubelet, 'documents'>,
): Promise<Difference> {
  const { host, signal } = ctx;
  const texts = await renderKubeadm(ctx, { phase: ['kubelet-start'], documents: withoutPki(documents) });
  const wanted: Record<string, string> = {};
  const live: Record<string, string> = {};
  const because: string[] = [];
  let restart = false;
  for (const path of [...rendered.files, ...(rendered.optional ?? [])]) {
    const text = texts.get(path.slice(directory.length + 1));
    if (text === undefined) continue;
    const found = await host.readFile(path, { signal });
    const flags = path === flagsFile ? withTaints(text, found ?? '') : text;
    const differences = await fileDifferences(path, found, flags);
    if (differences.length === 0) continue;
    because.push(...differences);
    restart ||= !differences.every((each) => registrationFlags.some((flag) => each.startsWith(`${flag} `)));
    wanted[path] = flags;
    if (found !== undefined) live[path] = found;
  }
  return { because, restart, wanted, live };
}

/**
 * `kubeadm init` refuses to run where there is the CA's certificate and not its key, as on every worker. So it is shown no
 * certificates, and told by name what it would have taken from there.
 */
function withoutPki(documents: readonly KubeadmDocument[]): readonly KubeadmDocument[] {
  const clientCa = { authentication: { x509: { clientCAFile: `${hostPaths.kubernetesPki}/ca.crt` } } };
  return documents.map((document) => {
    if (document.kind === 'ClusterConfiguration') return { ...document, certificatesDir: '/run/kubexm/no-pki' };
    return document.kind === 'KubeletConfiguration' ? (deepMerge(clientCa, document) as KubeadmDocument) : document;
  });
}

async function fileDifferences(path: string, live: string | undefined, wanted: string): Promise<readonly string[]> {
  if (live === undefined) return [`${path} is missing`];
  if (path === flagsFile) return flagDifferences(flagsOf(live), flagsOf(wanted));
  return documentDifferences(live, wanted);
}

/** `KUBELET_KUBEADM_ARGS="--a=1 --b=2"` */
function flagsOf(text: string): string[] {
  return (/="(.*)"/s.exec(text)?.[1] ?? '').split(/\s+/).filter(Boolean);
}

/** A join gives workers their taints as a flag, which a rendering of `kubeadm init` does not know. */
function withTaints(wanted: string, live: string): string {
  const taints = flagsOf(live).find((flag) => flag.startsWith('--register-with-taints='));
  return taints === undefined ? wanted : wanted.replace(/"\s*$/, ` ${taints}"\n`);
}

/** The kubelet's files as they are. */
export async function readKubeletFiles({ host, signal }: StepContext): Promise<KubeletTexts> {
  const texts = await Promise.all(
    [...rendered.files, ...(rendered.optional ?? [])].map(
      async (path) => [path, await host.readFile(path, { signal })] as const,
    ),
  );
  return Object.fromEntries(texts.flatMap(([path, text]) => (text === undefined ? [] : [[path, text]])));
}

export async function writeKubeletFiles({ host, signal }: StepContext, texts: KubeletTexts): Promise<void> {
  for (const [path, text] of Object.entries(texts)) await host.writeFile(path, text, { mode: 0o644, signal });
}

/** Restarts the kubelet and watches it; `done`: it serves steadily. */
export async function restartedKubelet(
  ctx: StepContext,
  { nodeName, role }: Pick<ReconcileKubelet, 'nodeName' | 'role'>,
): Promise<{ readonly done: boolean; readonly because: string }> {
  const { host, signal } = ctx;
  const { stdout } = await host.run(sh`date +%s && systemctl restart kubelet.service`, { signal });
  const since = Number(stdout.trim());
  const config = (await host.readFile(configFile, { signal })) ?? '';
  let steady = 0;
  let pid = '';
  const answer = await pollUntil(
    async () => {
      const state = await lookAtKubelet(ctx, { nodeName, config, since, askApi: role === 'control-plane' });
      // One that dies soon after its start has another process at the next look.
      steady = state.serves && state.pid === pid ? steady + 1 : 0;
      pid = state.pid;
      return { done: steady >= 3 || state.restarts >= hopelessRestarts, because: state.because, steady };
    },
    { timeoutMs, intervalMs: 500, signal },
  );
  return { done: answer.steady >= 3, because: answer.because };
}

async function putBack(ctx: StepContext, p: ReconcileKubelet, before: KubeletTexts, because: string): Promise<never> {
  const { host, signal } = ctx;
  const words = await host.tryRun(sh`journalctl -u kubelet -n 8 --no-pager -o cat`, { signal });
  await writeKubeletFiles(ctx, before);
  const again = await restartedKubelet(ctx, p);
  if (again.done) await host.remove(changeFile, { signal });
  throw new KubexmError(
    'WAIT_TIMEOUT',
    `${host.name}: the kubelet does not come up with its new configuration; ${
      again.done ? 'the old one was put back and works' : `the old one was put back, but: ${again.because}`
    }`,
    {
      details: [because, ...words.stdout.trim().split('\n')],
      hint: `correct spec.kubernetes.kubelet in the cluster file, then run the same command again; on ${host.name}: journalctl -u kubelet -n 50`,
      retryable: false,
    },
  );
}
