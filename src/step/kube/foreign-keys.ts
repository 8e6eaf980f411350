import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { documentOf, type KubeadmDocument } from './kubeadm-documents.js';

const flag = 'encryption-provider-config';

/**
 * Throws where an apiserver would lose keys for etcd that are not of kubexm's making, as of a cluster that was adopted: it
 * could read nothing of what is written with them. `live`: its manifest; `documents`: what its next one is made from.
 */
export function refuseLostKeys(
  host: string,
  { live, documents }: { readonly live: string; readonly documents: readonly KubeadmDocument[] },
): void {
  const file = encryptionFile(live);
  if (file === undefined || file === hostPaths.encryption.config || file === wantedFile(documents)) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    `${host}: kube-apiserver reads keys for etcd from ${file}, which the cluster file does not ask for`,
    {
      details: ['without these keys nothing that is encrypted with them could be read'],
      hint: `keep them with spec.kubernetes.apiServer: extraArgs: {${flag}: ${file}}, and its directory in extraVolumes`,
      retryable: false,
    },
  );
}

/** Which file an apiserver reads keys for etcd from, by its manifest. */
export function encryptionFile(manifest: string): string | undefined {
  return new RegExp(`--${flag}=([^"'\\s]+)`).exec(manifest)?.[1];
}

/** kubeadm has its arguments as a list from v1beta4 on, as an object before. */
function wantedFile(documents: readonly KubeadmDocument[]): unknown {
  const { apiServer } = documentOf(documents, 'ClusterConfiguration');
  const { extraArgs } = (apiServer ?? {}) as { readonly extraArgs?: unknown };
  if (Array.isArray(extraArgs))
    return (extraArgs as { readonly name: string; readonly value: string }[]).find(({ name }) => name === flag)?.value;
  return (extraArgs as Readonly<Record<string, string>> | undefined)?.[flag];
}
