import { KubexmError } from '../../errors/index.js';
import { Secret } from '../../secrets/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { digestOf, documentOf, documentsText, type KubeadmDocument, withoutTokens } from './kubeadm-documents.js';
import { runKubeadm } from './kubeadm-unit.js';
import { kubectl } from './kubectl.js';

const inputsAnnotation = 'kubexm.io/inputs';
const dataAnnotation = 'kubexm.io/data';

/** ConfigMaps of kube-system in which kubeadm keeps the cluster's configuration: who decides them, and who writes them. */
const configMaps = {
  'kubeadm-config': { kind: 'ClusterConfiguration', phase: ['upload-config', 'kubeadm'] },
  'kubelet-config': { kind: 'KubeletConfiguration', phase: ['upload-config', 'kubelet'] },
  'kube-proxy': { kind: 'KubeProxyConfiguration', phase: ['addon', 'kube-proxy'] },
} as const;
type ConfigMapName = keyof typeof configMaps;

/** `documents`: kubeadm's configuration of the host that it runs on; bootstrap tokens in it are not used. */
export interface UploadKubeadmConfig {
  readonly documents: readonly KubeadmDocument[];
  readonly configMaps: readonly ConfigMapName[];
}

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Writes the cluster's configuration into the cluster: what later joins read, and what kube-proxy runs with. Annotations say
 * from what each was made; kubeadm takes them off when it writes one by itself. kube-proxy is rolled over when its changed.
 */
export const uploadKubeadmConfig = defineStep<UploadKubeadmConfig>({
  kind: 'kubeadm.upload-config',
  title: (p) => `Bring the ConfigMaps ${p.configMaps.join(', ')} to the cluster file`,
  uses: ['control-plane-change'],
  policy: { timeoutMs: 1_800_000 },
  async precheck(ctx, p) {
    const reasons = await staleReasons(ctx, p);
    return reasons.size === 0
      ? satisfied('they are as made from the cluster file')
      : needed([...reasons].map(([name, because]) => `${name}: ${because}`).join('; '));
  },
  async run(ctx, p) {
    const stale = await staleReasons(ctx, p);
    const configuration = new Secret(await documentsText(withoutTokens(p.documents)));
    for (const name of stale.keys()) {
      const before = name === 'kube-proxy' ? await rememberKubeProxy(ctx) : undefined;
      const [verb, what] = configMaps[name].phase;
      await runKubeadm(ctx, { args: ['init', 'phase', verb, what], configuration, log: `kubeadm-${verb}-${what}.log` });
      if (before) await rollKubeProxy(ctx, before);
      await noteConfigMaps(ctx, p.documents, [name]);
    }
  },
});

/** Notes that the ConfigMaps, as they are now, are what these documents give. */
export async function noteConfigMaps(
  ctx: StepContext,
  documents: readonly KubeadmDocument[],
  names: readonly ConfigMapName[],
): Promise<void> {
  const found = await readConfigMaps(ctx, names);
  await Promise.all(
    [...found].map(async ([name, { data }]) => {
      const notes = [`${inputsAnnotation}=${inputsOf(documents, name)}`, `${dataAnnotation}=${digestOf(data)}`];
      const args = ['-n', 'kube-system', 'annotate', '--overwrite', `configmap/${name}`, ...notes];
      await ctx.host.run(kubectl(args), { signal: ctx.signal });
    }),
  );
}

async function staleReasons(ctx: StepContext, p: UploadKubeadmConfig): Promise<ReadonlyMap<ConfigMapName, string>> {
  const found = await readConfigMaps(ctx, p.configMaps);
  return new Map(
    p.configMaps.flatMap((name) => {
      const because = staleReason(found.get(name), inputsOf(p.documents, name));
      return because === undefined ? [] : [[name, because] as const];
    }),
  );
}

function staleReason(found: ConfigMap | undefined, inputs: string): string | undefined {
  if (!found) return 'it is not there';
  const { [inputsAnnotation]: madeFrom, [dataAnnotation]: data } = found.metadata.annotations ?? {};
  if (madeFrom === undefined) return 'it is not known from what it was made';
  if (data !== digestOf(found.data)) return 'it was changed by another hand';
  return madeFrom === inputs ? undefined : 'the cluster file asks for something else';
}

/** The defaults of a component's configuration come from the version and the networks. */
function inputsOf(documents: readonly KubeadmDocument[], name: ConfigMapName): string {
  const cluster = documentOf(documents, 'ClusterConfiguration');
  const { kubernetesVersion, imageRepository, networking, controlPlaneEndpoint } = cluster;
  return digestOf([
    documentOf(documents, configMaps[name].kind),
    kubernetesVersion,
    imageRepository,
    networking,
    controlPlaneEndpoint,
  ]);
}

async function readConfigMaps(
  { host, signal }: StepContext,
  names: readonly ConfigMapName[],
): Promise<ReadonlyMap<ConfigMapName, ConfigMap>> {
  const { stdout } = await host.run(
    kubectl(['-n', 'kube-system', 'get', 'configmap', ...names, '--ignore-not-found', '-o', 'json']),
    { signal },
  );
  if (stdout.trim() === '') return new Map();
  const answer = JSON.parse(stdout) as ConfigMap | { readonly items: readonly ConfigMap[] };
  const items = 'items' in answer ? answer.items : [answer];
  return new Map(items.map((item) => [item.metadata.name as ConfigMapName, item]));
}

/** With what kube-proxy ran before a change of which nobody has seen that it works. */
const changeFile = '/var/lib/kubexm/kube-proxy.change.json';

type Data = NonNullable<ConfigMap['data']>;

/**
 * The data of the ConfigMap that the pods run with; null: there was none. A run that was killed before the roll-over has left
 * its own look: what is in the ConfigMap since then, no pod may have read.
 */
async function rememberKubeProxy(ctx: StepContext): Promise<{ readonly data: Data | null }> {
  const { host, signal } = ctx;
  const unseen = await host.readFile(changeFile, { signal });
  if (unseen !== undefined) return JSON.parse(unseen) as { data: Data | null };
  const before = { data: (await readConfigMaps(ctx, ['kube-proxy'])).get('kube-proxy')?.data ?? null };
  await host.writeFile(changeFile, `${JSON.stringify(before)}\n`, { mode: 0o600, signal });
  return before;
}

/**
 * Pods read the ConfigMap when they start. One that does not become ready with the new one stops the roll-over, and the old
 * one is put back.
 */
async function rollKubeProxy(ctx: StepContext, { data: before }: { readonly data: Data | null }): Promise<void> {
  const { host, signal } = ctx;
  const after = (await readConfigMaps(ctx, ['kube-proxy'])).get('kube-proxy')?.data;
  if (digestOf(after) !== digestOf(before ?? undefined)) {
    await rollout(ctx, 'restart');
    const answer = await rolledOver(ctx);
    if (!answer.done) throw await putBackKubeProxy(ctx, before, answer.because);
  }
  await host.remove(changeFile, { signal });
}

async function putBackKubeProxy(ctx: StepContext, before: Data | null, because: string): Promise<KubexmError> {
  const { host, signal } = ctx;
  if (before) {
    await host.run(
      kubectl(['-n', 'kube-system', 'patch', 'configmap/kube-proxy', '--type=merge', '--patch-file=/dev/stdin']),
      { stdin: JSON.stringify({ data: before }), signal },
    );
    await rollout(ctx, 'undo');
  }
  await host.remove(changeFile, { signal });
  return new KubexmError('WAIT_TIMEOUT', `kube-proxy does not become ready with its new configuration on every node`, {
    details: [because, ...(before ? ['the old configuration was put back'] : [])],
    hint: 'correct spec.kubernetes.kubeProxy in the cluster file, then run the same command again; kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide',
    retryable: false,
  });
}

async function rollout({ host, signal }: StepContext, verb: 'restart' | 'undo'): Promise<void> {
  await host.run(kubectl(['-n', 'kube-system', 'rollout', verb, 'daemonset/kube-proxy']), { signal });
}

interface DaemonSet {
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
  };
}

/** Gives up when no further pod has become ready for two minutes, however many nodes there are. */
async function rolledOver(ctx: StepContext): Promise<{ readonly done: boolean; readonly because: string }> {
  let best = -1;
  for (;;) {
    const answer = await pollUntil(
      async () => {
        const { stdout } = await ctx.host.run(
          kubectl(['-n', 'kube-system', 'get', 'daemonset/kube-proxy', '-o', 'json']),
          { signal: ctx.signal },
        );
        const { metadata, status } = JSON.parse(stdout) as DaemonSet;
        const wanted = status.desiredNumberScheduled;
        const current = (status.observedGeneration ?? 0) >= metadata.generation;
        const ready = current ? Math.min(status.updatedNumberScheduled ?? 0, status.numberAvailable ?? 0) : 0;
        return { done: (current && ready >= wanted) || ready > best, ready, wanted, current };
      },
      { timeoutMs: 120_000, intervalMs: 500, signal: ctx.signal },
    );
    const { ready, wanted, current } = answer;
    if (current && ready >= wanted) return { done: true, because: '' };
    if (!answer.done) return { done: false, because: `${ready} of ${wanted} pods run with it and are ready` };
    best = ready;
    ctx.progress(ready, wanted, 'count');
  }
}
