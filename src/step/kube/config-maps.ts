import { Secret } from '../../secrets/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { daemonSetDiffers, noteDaemonSet, rememberKubeProxy, rollKubeProxy } from './kube-proxy.js';
import {
  dataAnnotation,
  digestOf,
  documentOf,
  documentsText,
  type KubeadmDocument,
  withoutTokens,
} from './kubeadm-documents.js';
import { runKubeadm } from './kubeadm-unit.js';
import { kubectl } from './kubectl.js';
import { namedDifferences } from './manifest-differences.js';

const inputsAnnotation = 'kubexm.io/inputs';

/** ConfigMaps of kube-system in which kubeadm keeps the cluster's configuration: who decides them, and who writes them. */
const configMaps = {
  'kubeadm-config': {
    kind: 'ClusterConfiguration',
    part: 'ClusterConfiguration',
    phase: ['upload-config', 'kubeadm'],
  },
  'kubelet-config': { kind: 'KubeletConfiguration', part: 'kubelet', phase: ['upload-config', 'kubelet'] },
  'kube-proxy': { kind: 'KubeProxyConfiguration', part: 'config.conf', phase: ['addon', 'kube-proxy'] },
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
 * from what each was made; kubeadm takes them off when it writes one by itself. kube-proxy is rolled over when its changed,
 * and its DaemonSet is put right with it.
 */
export const uploadKubeadmConfig = defineStep<UploadKubeadmConfig>({
  kind: 'kubeadm.upload-config',
  title: (p) => `Bring the ConfigMaps ${p.configMaps.join(', ')} to the cluster file`,
  uses: ['control-plane-change'],
  // kube-proxy rolls over node by node; it is given up when it stands still.
  policy: { timeoutMs: 6 * 3_600_000 },
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
      const before = name === 'kube-proxy' ? await rememberKubeProxy(ctx, await dataOf(ctx, name)) : undefined;
      const [verb, what] = configMaps[name].phase;
      await runKubeadm(ctx, { args: ['init', 'phase', verb, what], configuration, log: `kubeadm-${verb}-${what}.log` });
      if (before) await rollKubeProxy(ctx, before, await dataOf(ctx, name));
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
  if (names.includes('kube-proxy')) await noteDaemonSet(ctx);
}

async function staleReasons(ctx: StepContext, p: UploadKubeadmConfig): Promise<ReadonlyMap<ConfigMapName, string>> {
  const found = await readConfigMaps(ctx, p.configMaps);
  const reasons = new Map<ConfigMapName, string>();
  for (const name of p.configMaps) {
    const because =
      (await staleReason(name, found.get(name), p.documents)) ??
      (name === 'kube-proxy' ? await daemonSetDiffers(ctx) : undefined);
    if (because !== undefined) reasons.set(name, because);
  }
  return reasons;
}

async function staleReason(
  name: ConfigMapName,
  found: ConfigMap | undefined,
  documents: readonly KubeadmDocument[],
): Promise<string | undefined> {
  if (!found) return 'it is not there';
  const { [inputsAnnotation]: madeFrom, [dataAnnotation]: data } = found.metadata.annotations ?? {};
  if (madeFrom === undefined) return 'it is not known from what it was made';
  const { kind, part } = configMaps[name];
  const differences = () => namedDifferences(found.data?.[part] ?? '', documentOf(documents, kind));
  if (data !== digestOf(found.data)) return ['it was changed by another hand', ...(await differences())].join(', ');
  if (madeFrom === inputsOf(documents, name)) return undefined;
  return (await differences()).join(', ') || 'the cluster file asks for something else';
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

async function dataOf(ctx: StepContext, name: ConfigMapName): Promise<ConfigMap['data']> {
  return (await readConfigMaps(ctx, [name])).get(name)?.data;
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
