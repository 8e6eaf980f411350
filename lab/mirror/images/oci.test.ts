import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Descriptor, imageConfig, imageManifest, mediaTypes } from './oci.js';

const layer: Descriptor = { mediaType: mediaTypes.layer, digest: `sha256:${'a'.repeat(64)}`, size: 10_240 };

test('a manifest names its config and layers by digest and size', () => {
  const config = imageConfig('amd64', { Env: ['PATH=/bin'], Entrypoint: ['/pause'] }, [layer]);
  const manifest = imageManifest(config, [layer]);
  expect(JSON.parse(manifest.bytes.toString())).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: `sha256:${createHash('sha256').update(config.bytes).digest('hex')}`,
      size: config.bytes.length,
    },
    layers: [layer],
  });
});

test('a config lists the unpacked layers, which are the layers themselves', () => {
  const config: unknown = JSON.parse(imageConfig('arm64', { Env: [], Cmd: ['sh'] }, [layer]).bytes.toString());
  expect(config).toMatchObject({
    architecture: 'arm64',
    os: 'linux',
    config: { Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
});
