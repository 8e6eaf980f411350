import { etcdCertificatesOf } from '../../pipeline/index.js';
import { type ListOptions, listCertificates } from '../certs/show.js';
import type { Invocation } from '../command-spec.js';
import { loadManagedEtcd } from './verdict.js';

/** `kubexm etcd certs`. 3 where one runs out soon, is missing or not as it should be, or could not be looked at. */
export async function run({ options, io }: Invocation<ListOptions>): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  return listCertificates({ cluster, options, io }, { reading: etcdCertificatesOf, next: 'kubexm etcd renew-certs' });
}
