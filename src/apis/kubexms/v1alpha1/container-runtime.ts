import * as z from 'zod';
import { deepMerge } from '../../../util/deep-merge.js';
import { imageReference, jsonObject, text, url, versionWithoutV, versionWithV } from './formats.js';
import { compact } from './objects.js';
import type { ContainerRuntime, Docker, DockerRepository, JsonObject } from './types.js';
import type { VersionSet } from './versions.js';

const dockerPackages = ['docker-ce', 'docker-ce-cli', 'containerd.io', 'docker-buildx-plugin', 'docker-compose-plugin'];

const packageWord = text(
  /^[A-Za-z0-9][\w.+:-]*(?:=[\w.+:~*-]+)?$/,
  'a package such as docker-ce, or with a version such as docker.io=26.1.5*',
);

const fields = {
  type: z.enum(['containerd', 'docker']).describe('What runs containers; docker comes with cri-dockerd.'),
  version: versionWithoutV('2.1.9').describe(
    'Version of containerd, or of docker-ce, without v; default: see the table of versions. Other packages of docker say theirs in `docker.packages`.',
  ),
  runcVersion: versionWithV('v1.3.6').describe(
    'Version of runc beside containerd (docker brings its own); default: see the table of versions.',
  ),
  cniPluginsVersion: versionWithV('v1.9.1').describe('Version of the CNI plugins; default: see the table.'),
  crictlVersion: versionWithV('v1.34.0').describe('Version of crictl; default: see the table of versions.'),
  criDockerdVersion: versionWithV('v0.4.0').describe('Version of cri-dockerd; default: see the table.'),
  packages: z
    .array(packageWord)
    .min(1)
    .describe("Packages that make up docker; what conflicts with them is removed. `docker.io` is Debian's."),
  repository: z
    .union(
      [
        z.literal('distribution'),
        z.strictObject({
          url: url.describe('Base URL of the package repository: what `apt` has after `deb`, what yum calls baseurl.'),
          keyUrl: url.describe('URL of the key that signs it.'),
          suite: z
            .string()
            .min(1)
            .optional()
            .describe("Suite of an apt repository, such as trixie or ./ ; default: the host's codename."),
          component: z.string().min(1).optional().describe('Component of an apt repository; default: stable.'),
        }),
      ],
      { error: 'must be distribution, or an object with url and keyUrl' },
    )
    .describe(
      "Where the packages come from: a repository of its own, or `distribution` for the host's package sources as they are; default: Docker's own repository for docker-ce, else `distribution`.",
    ),
  containerdConfig: jsonObject.describe('Merged into /etc/containerd/config.toml.'),
  drainBeforeRestart: z
    .boolean()
    .describe(
      'Whether the pods of a node move away before containerd restarts there for a changed version or config, one node after the other; default false: pods live on through a restart.',
    ),
  daemonConfig: jsonObject.describe('Merged into /etc/docker/daemon.json.'),
} as const;

const versionFields = {
  version: fields.version.optional(),
  runcVersion: fields.runcVersion.optional(),
  cniPluginsVersion: fields.cniPluginsVersion.optional(),
  crictlVersion: fields.crictlVersion.optional(),
  criDockerdVersion: fields.criDockerdVersion.optional(),
};

/** Of the cluster. */
export const containerRuntimeSchema = z.strictObject({
  type: fields.type.default('containerd'),
  ...versionFields,
  sandboxImage: imageReference
    .optional()
    .describe("The pause image; default: this Kubernetes version's pause in `kubernetes.imageRepository`."),
  containerd: z
    .strictObject({
      extraConfig: fields.containerdConfig.default({}),
      drainBeforeRestart: fields.drainBeforeRestart.default(false),
    })
    .prefault({})
    .describe('Settings of containerd.'),
  docker: z
    .strictObject({
      packages: fields.packages.default(dockerPackages),
      repository: fields.repository.optional(),
      extraConfig: fields.daemonConfig.default({}),
    })
    .prefault({})
    .describe('Settings of docker.'),
});

/** Of one host: what it does otherwise than the cluster. */
export const hostRuntimeSchema = z.strictObject({
  type: fields.type.optional(),
  ...versionFields,
  containerd: z
    .strictObject({
      extraConfig: fields.containerdConfig.optional(),
      drainBeforeRestart: fields.drainBeforeRestart.optional(),
    })
    .optional()
    .describe("Settings of containerd, laid over the cluster's."),
  docker: z
    .strictObject({
      packages: fields.packages.optional(),
      repository: fields.repository.optional(),
      extraConfig: fields.daemonConfig.optional(),
    })
    .optional()
    .describe("Settings of docker, laid over the cluster's."),
});

export type ContainerRuntimeInput = z.output<typeof containerRuntimeSchema>;
export type HostRuntimeInput = z.output<typeof hostRuntimeSchema>;

/** The runtime of the cluster, or of a host that has something to say about it. */
export function resolveContainerRuntime(
  cluster: ContainerRuntimeInput,
  versions: VersionSet,
  host: HostRuntimeInput = {},
): ContainerRuntime {
  const type = host.type ?? cluster.type;
  // Versions of containerd and docker have nothing in common.
  const version = host.version ?? (type === cluster.type ? cluster.version : undefined);
  const common = compact({
    runcVersion: host.runcVersion ?? cluster.runcVersion ?? versions.runc,
    cniPluginsVersion: host.cniPluginsVersion ?? cluster.cniPluginsVersion ?? versions.cniPlugins,
    crictlVersion: host.crictlVersion ?? cluster.crictlVersion ?? versions.crictl,
    sandboxImage: cluster.sandboxImage,
  });
  if (type === 'containerd') {
    return {
      type: 'containerd',
      version: version ?? versions.containerd,
      ...common,
      containerd: {
        extraConfig: merged(cluster.containerd.extraConfig, host.containerd?.extraConfig),
        drainBeforeRestart: host.containerd?.drainBeforeRestart ?? cluster.containerd.drainBeforeRestart,
      },
    };
  }
  const packages = host.docker?.packages ?? cluster.docker.packages;
  return {
    type: 'docker',
    version: version ?? versions.docker,
    criDockerdVersion: host.criDockerdVersion ?? cluster.criDockerdVersion ?? versions.criDockerd,
    ...common,
    docker: {
      packages,
      repository: repositoryOf(host.docker?.repository ?? cluster.docker.repository, packages),
      extraConfig: merged(cluster.docker.extraConfig, host.docker?.extraConfig),
    },
  };
}

function merged(cluster: JsonObject, host: JsonObject = {}): JsonObject {
  return deepMerge(cluster, host) as JsonObject;
}

function repositoryOf(
  given: ContainerRuntimeInput['docker']['repository'],
  packages: Docker['docker']['packages'],
): DockerRepository {
  if (given === 'distribution') return { type: 'distribution' };
  if (given) return { type: 'own', ...compact(given) };
  const fromDocker = packages.some((word) => word.startsWith('docker-ce'));
  return { type: fromDocker ? 'docker' : 'distribution' };
}
