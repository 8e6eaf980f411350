import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { type ShellCommand, sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { digestOf } from './kubeadm-documents.js';
import { lastWords, lookAtPod, readySandboxes, type StaticPod } from './static-pod-state.js';

const timeoutMs = 180_000;

/** Of a pod that kubexm itself puts on a node, such as the haproxy in front of the API servers. */
export interface PlaceStaticPod {
  /** Of the pod, of its label `component`, of its only container and of its manifest. */
  readonly name: string;
  readonly nodeName: string;
  /** The CRI socket. */
  readonly endpoint: string;
  readonly pod: { readonly metadata: { readonly [key: string]: Json }; readonly [key: string]: Json };
  /** Files on the host that it reads when it starts: another content makes another pod. */
  readonly inputs: readonly string[];
  /** What answers 200 when it works: a path of plain HTTP on 127.0.0.1. Absent: that its container runs is enough. */
  readonly health?: { readonly port: number; readonly path: string };
}

/** Puts a pod into the kubelet's hands and waits until it works. One that does not come up gives way to the one before. */
export const placeStaticPod = defineStep<PlaceStaticPod>({
  kind: 'kube.static-pod',
  title: (p) => `Run ${p.name} as a static pod`,
  uses: ['kubelet-restart'],
  policy: { timeoutMs: 600_000 },
  async precheck(ctx, p) {
    const { host, signal } = ctx;
    const live = await host.readFile(manifestPath(p.name), { signal });
    if (live === undefined) return needed('it has no manifest');
    if (live !== (await manifestOf(ctx, p))) return needed('its manifest, or a file that it reads, differs');
    const { serves, because } = await lookAtPod(ctx, staticPod(p), []);
    return serves ? satisfied('it runs as wanted') : needed(because);
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    const [live, wanted] = [await host.readFile(manifestPath(p.name), { signal }), await manifestOf(ctx, p)];
    const isNew = live !== wanted;
    const answer = await placed(ctx, p, isNew ? wanted : undefined);
    if (answer.done) return;
    const details = [answer.because, ...(await lastWords(ctx, staticPod(p)))];
    const back = isNew && live !== undefined ? await placed(ctx, p, live) : undefined;
    const outcome = back ? `; the one before was put back${back.done ? ' and works' : ''}` : '';
    throw new KubexmError('WAIT_TIMEOUT', `${host.name}: ${p.name} does not come up${outcome}`, {
      details,
      hint: `on ${host.name}: crictl ps -a --name ${p.name}; journalctl -u kubelet -n 50; then run the same command again`,
      retryable: false,
    });
  },
});

/** Waits for the pod of this manifest; undefined: of the one that is there. */
async function placed(ctx: StepContext, p: PlaceStaticPod, manifest: string | undefined) {
  const { host, signal } = ctx;
  const pod = staticPod(p);
  const before = manifest === undefined ? [] : await readySandboxes(ctx, pod);
  if (manifest !== undefined) {
    // From the directory above: the kubelet would start what lies beside the manifests.
    const staged = `${hostPaths.kubernetes}/${p.name}.yaml.kubexm`;
    await host.writeFile(staged, manifest, { mode: 0o600, signal });
    await host.run(sh`mv -f ${staged} ${manifestPath(p.name)}`, { signal });
  }
  return pollUntil(
    async () => {
      const { serves, hopeless, because } = await lookAtPod(ctx, pod, before);
      return { done: serves || hopeless, serves, because };
    },
    { timeoutMs, intervalMs: 250, signal },
  ).then(({ serves, because }) => ({ done: serves, because }));
}

/** The pod, with a digest of what it reads, so that the kubelet starts a new one when that changes. */
async function manifestOf({ host, signal }: StepContext, { pod, inputs }: PlaceStaticPod): Promise<string> {
  const { stringify } = await import('yaml');
  const found = await host.statMany(inputs, { sha256: true, signal });
  const digest = digestOf(inputs.map((path) => found.get(path)?.sha256 ?? ''));
  const annotations = { ...(pod.metadata.annotations as object | undefined), 'kubexm.io/inputs': digest };
  return stringify({ ...pod, metadata: { ...pod.metadata, annotations } }, { lineWidth: 0 });
}

function staticPod({ name, nodeName, endpoint, health }: PlaceStaticPod): StaticPod {
  return { component: name, nodeName, manifest: '', endpoint, ask: health === undefined ? sh`:` : healthy(health) };
}

/** Asked with nothing but bash: workers have no kubectl, and hosts need no curl. */
function healthy({ port, path }: { readonly port: number; readonly path: string }): ShellCommand {
  const ask = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3 && IFS= read -r -t 5 line <&3 && case $line in *' 200 '*) ;; *) echo "$line" >&2; exit 1 ;; esac`;
  return sh`bash -c ${ask}`;
}

function manifestPath(name: string): string {
  return `${hostPaths.kubernetes}/manifests/${name}.yaml`;
}
