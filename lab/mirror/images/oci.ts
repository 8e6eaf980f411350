import { createHash } from 'node:crypto';
import type { Architecture } from '../locations.js';

/** A blob's name and size, as manifests refer to it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface RunConfig {
  readonly Env: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
}

/** A blob that is small enough to be made in memory. */
export interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  // Not compressed: the registry is on the same machine, and unpacking costs the hosts' two cores more than the disk.
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

/** The config of an image. A layer that is not compressed has its own digest as diff id. */
export function imageConfig(architecture: Architecture, config: RunConfig, layers: readonly Descriptor[]): Blob {
  return jsonBlob(mediaTypes.config, {
    created: '1970-01-01T00:00:00Z',
    architecture,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
    history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'kubexm lab' })),
  });
}

export function imageManifest(config: Blob, layers: readonly Descriptor[]): Blob {
  return jsonBlob(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers,
  });
}

function jsonBlob(mediaType: string, content: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(content));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}
