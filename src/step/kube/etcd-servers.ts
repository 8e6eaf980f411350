import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { defineStep, satisfied } from '../define.js';

const manifest = `${hostPaths.kubernetes}/manifests/kube-apiserver.yaml`;

/**
 * Stops a plan that would start an etcd although the apiserver of this host has its data in another one: with a new, empty
 * one the kubelets would end all pods, and with what a former member has left everything would be as it was then. `founding`:
 * client URLs of the members that the config asks for.
 */
export const guardEtcdServers = defineStep<{ readonly founding: readonly string[] }>({
  kind: 'kube.guard-etcd-servers',
  title: () => 'Check that the apiserver does not have its data in another etcd',
  recheck: false,
  async precheck({ host, signal }, { founding }) {
    const text = await host.readFile(manifest, { signal });
    const servers = /--etcd-servers=([^\s"']+)/.exec(text ?? '')?.[1]?.split(',') ?? [];
    if (servers.length === 0) return satisfied('no apiserver uses an etcd here');
    if (servers.some((url) => founding.includes(url))) return satisfied('it uses one of the members');
    throw new KubexmError(
      'GUARD_REFUSED',
      `the apiserver of ${host.name} has its data in another etcd than the config names: it would get a new, empty one, or old data`,
      {
        details: [`in use: ${servers.join(', ')}`, `in the config: ${founding.join(', ')}`],
        hint: `put the members of now back into spec.roleGroups.etcd, and change them with kubexm etcd add-member, replace-member and remove-member. Only if all their data is lost for certain: move ${manifest} away on every control plane`,
        retryable: false,
      },
    );
  },
  run: () => Promise.resolve(),
});
