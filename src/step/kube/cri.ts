import { KubexmError } from '../../errors/index.js';
import { diskFull, script } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { SecretRef, StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { crictl } from './crictl.js';

/** `endpoint`: `unix:///run/containerd/containerd.sock`. `network`: its network too must be ready. Default false. */
export interface CriReady {
  readonly endpoint: string;
  readonly network?: boolean;
}

/** Waits until the container runtime says over CRI that it is ready; on new hosts the network becomes so later, with the CNI plugin. */
export const criReady = defineStep<CriReady>({
  kind: 'cri.ready',
  title: () => 'Check the container runtime through CRI',
  recheck: false,
  waits: true,
  async precheck(ctx, p) {
    const answer = await runtimeReady(ctx, p);
    return answer.done ? satisfied('the runtime is ready') : needed(answer.because);
  },
  async run(ctx, p) {
    const answer = await pollUntil(() => runtimeReady(ctx, p), {
      timeoutMs: 60_000,
      intervalMs: 250,
      signal: ctx.signal,
    });
    if (!answer.done) {
      throw new KubexmError('WAIT_TIMEOUT', `${ctx.host.name}: the container runtime is not ready at ${p.endpoint}`, {
        details: [answer.because],
        hint: `on ${ctx.host.name}: crictl --runtime-endpoint ${p.endpoint} info; journalctl -u ${p.endpoint.includes('cri-dockerd') ? 'cri-dockerd -u docker' : 'containerd'} -n 50`,
      });
    }
  },
});

/** `images`: whole references, such as `registry.k8s.io/pause:3.10.1`. */
export interface PullImages {
  readonly endpoint: string;
  readonly images: readonly string[];
  /** Base64 of `user:password`, by the registry's host. */
  readonly logins?: { readonly [registry: string]: SecretRef };
}

/** Pulls the images that are missing, all at once; the runtime shares layers between them. */
export const pullImages = defineStep<PullImages>({
  kind: 'cri.pull-images',
  title: (p) => `Pull ${p.images.length} images`,
  uses: ['image-pull'],
  policy: { timeoutMs: 1_800_000, attempts: 3, backoffMs: 2000 },
  async precheck(ctx, p) {
    const missing = await missingImages(ctx, p);
    if (missing.length === 0) return satisfied('all images are there');
    return needed(`${missing.length} of ${p.images.length} images are missing`);
  },
  async run(ctx, p) {
    const missing = await missingImages(ctx, p);
    let pulled = 0;
    ctx.progress(0, missing.length, 'count');
    const results = await Promise.all(
      missing.map(async (image) => {
        const failure = await pullImage(ctx, p, image);
        pulled += 1;
        ctx.progress(pulled, missing.length, 'count');
        return failure;
      }),
    );
    const failures = results.filter((failure) => failure !== undefined);
    if (failures.length > 0) {
      const full = diskFull(ctx.host.name, failures.join('\n'), failures);
      if (full) throw full;
      throw new KubexmError(
        'COMMAND_FAILED',
        `${ctx.host.name}: ${failures.length} of ${missing.length} images could not be pulled`,
        {
          details: failures,
          hint: 'check registry.mirrors in the cluster file and that the host reaches the registry',
        },
      );
    }
  },
});

/** Undefined when the image is there, else the image with the runtime's own last words. */
async function pullImage(
  ctx: StepContext,
  { endpoint, logins = {} }: PullImages,
  image: string,
): Promise<string | undefined> {
  const { host, signal } = ctx;
  const pull = crictl(endpoint, ['pull', image]);
  const ref = logins[image.split('/')[0] ?? ''];
  const login = ref && (await ctx.secret(ref));
  // From stdin into the environment: arguments are for everybody to read.
  const { exitCode, stderr } = login
    ? await host.tryRun(script(`IFS= read -r CRICTL_AUTH || :; export CRICTL_AUTH; ${pull.text}`), {
        signal,
        long: true,
        stdin: login,
        secrets: [login],
      })
    : await host.tryRun(pull, { signal, long: true });
  return exitCode === 0
    ? undefined
    : `crictl pull ${image}: ${stderr.trim().split('\n').at(-1) ?? `exit code ${exitCode}`}`;
}

async function runtimeReady(
  { host, signal }: StepContext,
  { endpoint, network = false }: CriReady,
): Promise<{ done: boolean; because: string }> {
  const { exitCode, stdout, stderr } = await host.tryRun(crictl(endpoint, ['info']), { signal });
  if (exitCode !== 0) return { done: false, because: stderr.trim().split('\n').at(-1) ?? 'crictl info failed' };
  const info = JSON.parse(stdout) as {
    status?: { conditions?: { type?: string; status?: boolean; message?: string }[] };
  };
  for (const wanted of ['RuntimeReady', ...(network ? ['NetworkReady'] : [])]) {
    const condition = info.status?.conditions?.find((each) => each.type === wanted);
    if (condition?.status !== true) return { done: false, because: `${wanted} is false: ${condition?.message ?? ''}` };
  }
  return { done: true, because: '' };
}

async function missingImages({ host, signal }: StepContext, { endpoint, images }: PullImages): Promise<string[]> {
  const { stdout } = await host.run(crictl(endpoint, ['images', '-o', 'json']), { signal });
  const { images: found } = JSON.parse(stdout) as { images?: { repoTags?: string[]; repoDigests?: string[] }[] };
  const there = new Set((found ?? []).flatMap((image) => [...(image.repoTags ?? []), ...(image.repoDigests ?? [])]));
  return images.filter((image) => !there.has(image));
}
