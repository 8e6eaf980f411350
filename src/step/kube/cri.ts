import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { crictl } from './crictl.js';

/** `endpoint`: `unix:///run/containerd/containerd.sock`. */
export interface CriReady {
  readonly endpoint: string;
}

/** Waits until the container runtime says over CRI that it is ready; the network becomes ready later, with the CNI plugin. */
export const criReady = defineStep<CriReady>({
  kind: 'cri.ready',
  title: () => 'Check the container runtime through CRI',
  recheck: false,
  async precheck(ctx, p) {
    const answer = await runtimeReady(ctx, p.endpoint);
    return answer.done ? satisfied('RuntimeReady is true') : needed(answer.because);
  },
  async run(ctx, p) {
    const answer = await pollUntil(() => runtimeReady(ctx, p.endpoint), {
      timeoutMs: 60_000,
      intervalMs: 250,
      signal: ctx.signal,
    });
    if (!answer.done) {
      throw new KubexmError('WAIT_TIMEOUT', `${ctx.host.name}: the container runtime is not ready at ${p.endpoint}`, {
        details: [answer.because],
        hint: `on ${ctx.host.name}: crictl --runtime-endpoint ${p.endpoint} info; journalctl -u containerd -n 50`,
      });
    }
  },
});

/** `images`: whole references, such as `registry.k8s.io/pause:3.10.1`. */
export interface PullImages {
  readonly endpoint: string;
  readonly images: readonly string[];
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
        const failure = await pullImage(ctx, p.endpoint, image);
        pulled += 1;
        ctx.progress(pulled, missing.length, 'count');
        return failure;
      }),
    );
    const failures = results.filter((failure) => failure !== undefined);
    if (failures.length > 0) {
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
async function pullImage({ host, signal }: StepContext, endpoint: string, image: string): Promise<string | undefined> {
  const { exitCode, stderr } = await host.tryRun(crictl(endpoint, ['pull', image]), { signal, long: true });
  return exitCode === 0
    ? undefined
    : `crictl pull ${image}: ${stderr.trim().split('\n').at(-1) ?? `exit code ${exitCode}`}`;
}

async function runtimeReady(
  { host, signal }: StepContext,
  endpoint: string,
): Promise<{ done: boolean; because: string }> {
  const { exitCode, stdout, stderr } = await host.tryRun(crictl(endpoint, ['info']), { signal });
  if (exitCode !== 0) return { done: false, because: stderr.trim().split('\n').at(-1) ?? 'crictl info failed' };
  const info = JSON.parse(stdout) as {
    status?: { conditions?: { type?: string; status?: boolean; message?: string }[] };
  };
  const condition = info.status?.conditions?.find((each) => each.type === 'RuntimeReady');
  return condition?.status === true
    ? { done: true, because: '' }
    : { done: false, because: `RuntimeReady is false: ${condition?.message ?? ''}` };
}

async function missingImages({ host, signal }: StepContext, { endpoint, images }: PullImages): Promise<string[]> {
  const { stdout } = await host.run(crictl(endpoint, ['images', '-o', 'json']), { signal });
  const { images: found } = JSON.parse(stdout) as { images?: { repoTags?: string[]; repoDigests?: string[] }[] };
  const there = new Set((found ?? []).flatMap((image) => [...(image.repoTags ?? []), ...(image.repoDigests ?? [])]));
  return images.filter((image) => !there.has(image));
}
