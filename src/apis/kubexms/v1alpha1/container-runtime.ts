import * as z from 'zod';
import { extraConfig, imageReference, url, versionWithoutV, versionWithV } from './formats.js';
import { compact } from './objects.js';
import type { ContainerRuntime } from './types.js';
import type { VersionSet } from './versions.js';

const dockerPackages = ['docker-ce', 'docker-ce-cli', 'containerd.io', 'docker-buildx-plugin', 'docker-compose-plugin'];

export const containerRuntimeSchema = z.strictObject({
  type: z
    .enum(['containerd', 'docker'])
    .default('containerd')
    .describe('What runs containers; docker comes with cri-dockerd.'),
  version: versionWithoutV('2.1.9')
    .optional()
    .describe('Version of containerd or docker, without v; default: see the table of versions.'),
  runcVersion: versionWithV('v1.3.6').optional().describe('Version of runc; default: see the table of versions.'),
  cniPluginsVersion: versionWithV('v1.9.1').optional().describe('Version of the CNI plugins; default: see the table.'),
  crictlVersion: versionWithV('v1.34.0').optional().describe('Version of crictl; default: see the table of versions.'),
  criDockerdVersion: versionWithV('v0.4.0').optional().describe('Version of cri-dockerd; default: see the table.'),
  sandboxImage: imageReference
    .optional()
    .describe("The pause image; default: this Kubernetes version's pause in `kubernetes.imageRepository`."),
  containerd: z
    .strictObject({ extraConfig: extraConfig.describe('Merged into /etc/containerd/config.toml.') })
    .prefault({})
    .describe('Settings of containerd.'),
  docker: z
    .strictObject({
      packages: z.array(z.string().min(1)).min(1).default(dockerPackages).describe('Packages that make up docker.'),
      repository: z
        .strictObject({
          url: url.describe('Base URL of the package repository.'),
          keyUrl: url.describe('URL of the key that signs it.'),
        })
        .optional()
        .describe("Package repository; default: Docker's own."),
      extraConfig: extraConfig.describe('Merged into /etc/docker/daemon.json.'),
    })
    .prefault({})
    .describe('Settings of docker.'),
});

export type ContainerRuntimeInput = z.output<typeof containerRuntimeSchema>;

export function resolveContainerRuntime(input: ContainerRuntimeInput, versions: VersionSet): ContainerRuntime {
  const common = compact({
    runcVersion: input.runcVersion ?? versions.runc,
    cniPluginsVersion: input.cniPluginsVersion ?? versions.cniPlugins,
    crictlVersion: input.crictlVersion ?? versions.crictl,
    sandboxImage: input.sandboxImage,
  });
  if (input.type === 'containerd') {
    return {
      type: 'containerd',
      version: input.version ?? versions.containerd,
      ...common,
      containerd: input.containerd,
    };
  }
  return {
    type: 'docker',
    version: input.version ?? versions.docker,
    criDockerdVersion: input.criDockerdVersion ?? versions.criDockerd,
    ...common,
    docker: compact(input.docker),
  };
}
