import { etcdCertificatesOf } from '../../pipeline/index.js';
import { showCertificates, wholeDays } from '../certs/show.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { loadManagedEtcd } from './verdict.js';

interface CertsOptions extends CommonOptions {
  readonly warnDays: string;
}

/** `kubexm etcd certs`. 3 where one runs out soon, is missing or not as it should be, or could not be looked at. */
export async function run({ options, io }: Invocation<CertsOptions>): Promise<number> {
  const cluster = await loadManagedEtcd(options.config, io);
  const warnDays = wholeDays('--warn-days', options.warnDays);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const certificates = await readCluster(runtime, etcdCertificatesOf);
    const { name } = cluster.metadata;
    return showCertificates(io, {
      cluster: name,
      certificates,
      warnDays,
      output: options.output,
      next: 'kubexm etcd renew-certs',
    });
  });
}
