import { etcdRestorePaths } from '../../common/etcd-restore.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sha256File } from '../../util/sha256-file.js';
import { unlessMissing } from '../../util/system-error.js';
import { defineStep, satisfied } from '../define.js';

/** `ownCa`: where this cluster's CA certificates are on the control machine, as long as it has any. */
export interface OwnCluster {
  readonly cluster: string;
  readonly ownCa: { readonly kubernetes: string; readonly etcd: string };
}

/**
 * Refuses a host that belongs to another cluster: what is installed carries the CA of its cluster. A host without any CA was
 * never given one, or was given back already. Changes nothing.
 */
export const ownCluster = defineStep<OwnCluster>({
  kind: 'reset.own-cluster',
  title: ({ cluster }) => `Check that the host belongs to ${cluster}`,
  recheck: false,
  async precheck({ host, signal }, p) {
    const pairs = [
      [`${hostPaths.kubernetesPki}/ca.crt`, p.ownCa.kubernetes],
      [`${hostPaths.etcd.pki}/ca.pem`, p.ownCa.etcd],
    ] as const;
    const paths = [...pairs.map(([path]) => path), hostPaths.kubeletKubeconfig, etcdRestorePaths.marker];
    const found = await host.statMany(paths, { sha256: true, signal });
    const foreign: string[] = [];
    for (const [path, own] of pairs) {
      const digest = found.get(path)?.sha256;
      if (digest === undefined) continue;
      const ownDigest = await unlessMissing(sha256File(own, { signal }));
      if (digest !== ownDigest) {
        foreign.push(ownDigest === undefined ? `${path}, but ${own} does not exist` : `${path} is not ${own}`);
      }
    }
    if (foreign.length > 0) throw ofAnother(host.name, p.cluster, foreign);
    return satisfied(found.size === 0 ? 'no cluster is on it' : `carries the CA of ${p.cluster}`);
  },
  run: () => Promise.resolve(),
});

function ofAnother(host: string, cluster: string, details: readonly string[]): KubexmError {
  return new KubexmError('GUARD_REFUSED', `${host} belongs to another cluster than ${cluster}; nothing was changed`, {
    details,
    hint: `run it with the config, and in the directory, that the cluster on ${host} was made with; a deleted cluster's certificates are in .kubexm/${cluster}/deleted`,
    retryable: false,
  });
}
