import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { crictl } from './crictl.js';

/** An image on a host that no container uses, not even a stopped one. Size in bytes, as it lies on the disk. */
export interface UnusedImage {
  readonly id: string;
  readonly names: readonly string[];
  readonly size: number;
}

/** `keep`: whole references that stay whether used or not; the pause image is in no container. */
export interface ReadUnusedImages {
  readonly report: string;
  readonly endpoint: string;
  readonly keep: readonly string[];
}

/** `ids`: those of what was looked at; one that is used by now stays. */
export interface RemoveImages {
  readonly endpoint: string;
  readonly keep: readonly string[];
  readonly ids: readonly string[];
}

interface RawImage {
  readonly id: string;
  readonly repoTags?: readonly string[] | null;
  readonly repoDigests?: readonly string[] | null;
  readonly size?: string | number;
  readonly pinned?: boolean;
}

interface RawContainer {
  readonly imageRef?: string;
  readonly imageId?: string;
  readonly image?: { readonly image?: string };
}

/** Reports the images that could go, in one look at images and containers. It changes nothing. */
export const readUnusedImages = defineStep<ReadUnusedImages>({
  kind: 'cri.read-unused-images',
  title: () => 'Look for images that nothing uses',
  recheck: false,
  async precheck(ctx, p) {
    ctx.log('debug', p.report, (await look(ctx, p)) as unknown as Json);
    return satisfied('images and containers were listed');
  },
  run: () => Promise.resolve(),
});

/** Removes images that still nothing uses. */
export const removeImages = defineStep<RemoveImages>({
  kind: 'cri.remove-images',
  title: (p) => (p.ids.length === 0 ? 'Remove no image' : `Remove ${p.ids.length} images`),
  async precheck(ctx, p) {
    if (p.ids.length === 0) return satisfied('every image is in use, or one that the cluster needs');
    const there = await removable(ctx, p);
    return there.length === 0 ? satisfied('they are gone, or in use by now') : needed(`${there.length} are there`);
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    const failures: string[] = [];
    const images = await removable(ctx, p);
    for (const [index, { id, names }] of images.entries()) {
      ctx.progress(index, images.length, 'count');
      const { exitCode, stderr } = await host.tryRun(crictl(p.endpoint, ['rmi', id]), { signal });
      if (exitCode !== 0) failures.push(`${names[0] ?? id}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
    }
    if (failures.length > 0) {
      throw new KubexmError('COMMAND_FAILED', `${host.name}: ${failures.length} images cannot be removed`, {
        details: failures,
        hint: 'run the same command again; an image may have come into use meanwhile',
      });
    }
  },
});

async function removable(ctx: StepContext, p: RemoveImages): Promise<readonly UnusedImage[]> {
  return (await look(ctx, p)).filter(({ id }) => p.ids.includes(id));
}

async function look(
  { host, signal }: StepContext,
  { endpoint, keep }: { readonly endpoint: string; readonly keep: readonly string[] },
): Promise<readonly UnusedImage[]> {
  const [images, containers] = await Promise.all([
    host.run(crictl(endpoint, ['images', '-o', 'json']), { signal }),
    host.run(crictl(endpoint, ['ps', '-a', '-o', 'json']), { signal }),
  ]);
  return unusedImages({
    images: (JSON.parse(images.stdout) as { images?: RawImage[] }).images ?? [],
    containers: (JSON.parse(containers.stdout) as { containers?: RawContainer[] }).containers ?? [],
    keep,
  });
}

/** Pure: as `crictl rmi --prune` sees it, but for what is to be kept and for every pause image. */
export function unusedImages({
  images,
  containers,
  keep,
}: {
  readonly images: readonly RawImage[];
  readonly containers: readonly RawContainer[];
  readonly keep: readonly string[];
}): readonly UnusedImage[] {
  const used = new Set(
    containers.flatMap(({ imageRef, imageId, image }) => [imageRef, imageId, image?.image].filter(Boolean)),
  );
  return images
    .filter(({ pinned }) => pinned !== true)
    .map(({ id, repoTags, repoDigests, size }) => ({
      id,
      tags: repoTags ?? [],
      names: [...(repoTags ?? []), ...(repoDigests ?? [])],
      size: Number(size ?? 0),
    }))
    .filter(({ id, names }) => ![id, ...names].some((name) => used.has(name) || keep.includes(name)))
    .filter(({ names }) => !names.some((name) => /(^|\/)pause[:@]/.test(name)))
    .map(({ id, tags, names, size }) => ({ id, names: tags.length > 0 ? tags : names, size }));
}
