import { stringify } from 'smol-toml';
import type { JsonObject, Registry } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import type { SecretRef } from '../../step/index.js';
import { deepMerge } from '../../util/deep-merge.js';

interface ContainerdConfig {
  /** Without v: 2.1.9 */
  readonly version: string;
  readonly sandboxImage: string;
  readonly extraConfig: JsonObject;
}

/** config.toml: version 3 for containerd 2.x, version 2 for 1.x, with the user's own keys laid upon it. */
export function containerdConfig({ version, sandboxImage, extraConfig }: ContainerdConfig): string {
  const runc = { runtime_type: 'io.containerd.runc.v2', options: { SystemdCgroup: true } };
  const cni = { bin_dir: hostPaths.cniBin, conf_dir: hostPaths.cniConfig };
  const base = version.startsWith('1.')
    ? {
        version: 2,
        plugins: {
          'io.containerd.grpc.v1.cri': {
            sandbox_image: sandboxImage,
            cni,
            containerd: { default_runtime_name: 'runc', runtimes: { runc } },
            registry: { config_path: hostPaths.containerd.certs },
          },
        },
      }
    : {
        version: 3,
        plugins: {
          'io.containerd.cri.v1.images': {
            pinned_images: { sandbox: sandboxImage },
            registry: { config_path: hostPaths.containerd.certs },
          },
          'io.containerd.cri.v1.runtime': {
            cni: { bin_dirs: [hostPaths.cniBin], conf_dir: hostPaths.cniConfig },
            containerd: { default_runtime_name: 'runc', runtimes: { runc } },
          },
        },
      };
  return `${stringify(deepMerge(base, extraConfig))}\n`;
}

/** One file of certs.d. `content` has the place of each secret. */
export interface HostsToml {
  readonly registry: string;
  readonly content: readonly (string | SecretRef)[];
}

/**
 * hosts.toml of every registry that the config says something about: mirrors in their order, then the registry itself.
 * https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */
export function hostsToml({ mirrors, insecure, auths, caFiles }: Registry): HostsToml[] {
  const registries = [
    ...new Set([...Object.keys(mirrors), ...insecure, ...Object.keys(auths), ...Object.keys(caFiles)]),
  ];
  // A mirror has a file of its own too: images may name it directly, as with imageRepository.
  return registries.map((registry) => {
    const server =
      registry === 'docker.io'
        ? 'https://registry-1.docker.io'
        : `${insecure.includes(registry) ? 'http' : 'https'}://${registry}`;
    const hosts = [...(mirrors[registry] ?? []), server];
    const content: (string | SecretRef)[] = [`server = ${JSON.stringify(server)}\n`];
    for (const url of hosts) {
      const { host } = new URL(url);
      const name = url === server ? registry : host;
      content.push(`\n[host.${JSON.stringify(url)}]\n  capabilities = ["pull", "resolve"]\n`);
      if (insecure.includes(name)) content.push('  skip_verify = true\n');
      if (name in caFiles) content.push(`  ca = ${JSON.stringify(caPath(name))}\n`);
      if (name in auths)
        content.push(
          `  [host.${JSON.stringify(url)}.header]\n    authorization = "Basic `,
          { $secret: `registry-auth:${name}` },
          '"\n',
        );
    }
    return { registry, content };
  });
}

/** Where a registry's CA lies on the hosts. */
export function caPath(registry: string): string {
  return `${hostPaths.containerd.certs}/${registry}/ca.crt`;
}
