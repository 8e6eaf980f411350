import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';

/** kubexm looks after its own etcd only. `instead`: what does the same there. */
export function refuseExternalEtcd({ metadata, spec }: Cluster, instead: string): void {
  if (spec.etcd.type !== 'external') return;
  throw new KubexmError('GUARD_REFUSED', `the etcd of ${metadata.name} is external: kubexm does not manage it`, {
    hint: instead,
    retryable: false,
  });
}
