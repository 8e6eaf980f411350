import type { ContainerRuntime } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { CONTROL_NODE, type HostName } from '../../plan/index.js';
import { fileChecksum, fileDigest, type SecretRef, writeFile } from '../../step/index.js';
import { hostNamed, nodeHosts, type PlanContext } from '../context.js';
import { uploadSmallFile } from '../pki.js';
import type { RuntimeDraft } from './common.js';
import { caPath, hostsToml } from './containerd-config.js';

/** Mirrors, authorities and logins, where the runtime and the kubelet look for them. All are read anew at each pull. */
export function writeRegistries(draft: RuntimeDraft<ContainerRuntime>): void {
  const { g, ctx, hosts, runtime } = draft;
  const { registry } = ctx.cluster.spec;
  // docker's mirrors are in daemon.json.
  const mirrors = runtime.type === 'docker' ? [] : hostsToml(registry);
  for (const { registry: name, content } of mirrors) {
    const target = `${hostPaths.containerd.certs}/${name}/hosts.toml`;
    g.add(`write-registry-${slug(name)}`, hosts, writeFile({ content, target }));
  }
  writeAuthorities(draft);
  const logins = kubeletLogins(ctx);
  if (logins)
    g.add('write-logins', hosts, writeFile({ content: logins, target: hostPaths.kubeletLogins, mode: 0o600 }));
}

/** References to the logins of registries, by their host: for pulls that the kubelet has no part in. */
export function registryLogins({ cluster }: PlanContext): Readonly<Record<string, SecretRef>> {
  return Object.fromEntries(Object.keys(cluster.spec.registry.auths).map((name) => [name, loginOf(name)]));
}

/** The base64 of `user:password`. */
function loginOf(registry: string): SecretRef {
  return { $secret: `registry-auth:${registry}` };
}

/** The CAs of registries on the hosts that pull from them, and the files on the control machine that they come from. */
export function registryAuthorities(
  ctx: PlanContext,
): readonly { readonly host: HostName; readonly path: string; readonly source: string }[] {
  return nodeHosts(ctx).flatMap((host) =>
    Object.entries(ctx.cluster.spec.registry.caFiles).map(([name, source]) => {
      return { host, path: authorityPath(hostNamed(ctx, host).containerRuntime, name), source };
    }),
  );
}

function authorityPath({ type }: ContainerRuntime, registry: string): string {
  return type === 'docker' ? `${hostPaths.docker.certs}/${registry}/ca.crt` : caPath(registry);
}

function writeAuthorities({ g, ctx, hosts, runtime }: RuntimeDraft<ContainerRuntime>): void {
  for (const [name, source] of Object.entries(ctx.cluster.spec.registry.caFiles)) {
    // More than one kind of runtime may need it.
    const known = g.shared(
      `/registry/ca/${slug(name)}`,
      [CONTROL_NODE],
      fileChecksum({ path: source, output: fileDigest(source) }),
    );
    const target = authorityPath(runtime, name);
    g.add(`upload-ca-${slug(name)}`, hosts, uploadSmallFile({ source, target, mode: 0o644 }), { after: known });
  }
}

/**
 * The kubelet's own docker config: with it the kubelet names the login at each pull, so that it also works where a registry
 * wants it exchanged for a token. https://kubernetes.io/docs/concepts/containers/images/#config-json
 */
function kubeletLogins({ cluster }: PlanContext): (string | SecretRef)[] | undefined {
  const registries = Object.keys(cluster.spec.registry.auths).sort();
  if (registries.length === 0) return undefined;
  const entries = registries.flatMap((name, index) => [
    `${index === 0 ? '' : ','}\n    ${JSON.stringify(dockerName(name))}: { "auth": "`,
    loginOf(name),
    '" }',
  ]);
  return ['{\n  "auths": {', ...entries, '\n  }\n}\n'];
}

/** docker's hub has an address of its own in such files. */
function dockerName(registry: string): string {
  return registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
}

function slug(registry: string): string {
  return registry.replaceAll(/[^A-Za-z0-9.-]/g, '-');
}
