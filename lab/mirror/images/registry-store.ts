import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Architecture } from '../locations.js';
import { type Blob, type Descriptor, imageConfig, imageManifest, mediaTypes, type RunConfig } from './oci.js';

export interface StoredImage {
  /** The name without the upstream's host: `coredns/coredns`. */
  readonly repository: string;
  readonly tag: string;
  readonly architecture: Architecture;
  readonly config: RunConfig;
  readonly layers: readonly Descriptor[];
}

/**
 * Writes images into the directory that the registry serves, in the layout of its filesystem driver (stable since
 * distribution 2.0), so that filling it needs no running registry and no pushing.
 */
export async function storeImage(registryDirectory: string, image: StoredImage): Promise<void> {
  const config = imageConfig(image.architecture, image.config, image.layers);
  const manifest = imageManifest(config, image.layers);
  await storeBlob(registryDirectory, config);
  await storeBlob(registryDirectory, manifest);
  for (const { digest } of [config.descriptor, ...image.layers]) {
    await writeLink(registryDirectory, layerLink(image.repository, digest), digest);
  }
  const digest = manifest.descriptor.digest;
  for (const link of manifestLinks(image.repository, image.tag, digest)) {
    await writeLink(registryDirectory, link, digest);
  }
}

/** Moves a layer's tar into the registry's directory. */
export async function storeLayer(registryDirectory: string, tarFile: string): Promise<Descriptor> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(tarFile), hash);
  const digest = `sha256:${hash.digest('hex')}`;
  const { size } = await stat(tarFile);
  const target = join(registryDirectory, blobPath(digest));
  await mkdir(dirname(target), { recursive: true });
  await rename(tarFile, target);
  return { mediaType: mediaTypes.layer, digest, size };
}

export function blobPath(digest: string): string {
  const hex = digest.slice('sha256:'.length);
  return `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}

/** The links that make a manifest known to its repository: by digest, and as the tag's present and past meaning. */
export function manifestLinks(repository: string, tag: string, digest: string): string[] {
  const manifests = `docker/registry/v2/repositories/${repository}/_manifests`;
  const hex = digest.slice('sha256:'.length);
  return [
    `${manifests}/revisions/sha256/${hex}/link`,
    `${manifests}/tags/${tag}/current/link`,
    `${manifests}/tags/${tag}/index/sha256/${hex}/link`,
  ];
}

/** The link that lets a repository serve a blob: a layer or the config. */
export function layerLink(repository: string, digest: string): string {
  return `docker/registry/v2/repositories/${repository}/_layers/sha256/${digest.slice('sha256:'.length)}/link`;
}

async function storeBlob(registryDirectory: string, { descriptor, bytes }: Blob): Promise<void> {
  const target = join(registryDirectory, blobPath(descriptor.digest));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, bytes);
}

async function writeLink(registryDirectory: string, link: string, digest: string): Promise<void> {
  const target = join(registryDirectory, link);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, digest);
}
