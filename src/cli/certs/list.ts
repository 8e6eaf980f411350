import { certificatesOf } from '../../pipeline/index.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { showCertificates, wholeDays } from './show.js';

interface ListOptions extends CommonOptions {
  readonly warnDays: string;
}

/** `kubexm certs list`. 3 where one runs out soon, is missing or not as it should be, or could not be looked at. */
export async function run({ options, io }: Invocation<ListOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const warnDays = wholeDays('--warn-days', options.warnDays);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const certificates = await readCluster(runtime, certificatesOf);
    const { name } = cluster.metadata;
    return showCertificates(io, {
      cluster: name,
      certificates,
      warnDays,
      output: options.output,
      next: 'kubexm certs renew',
    });
  });
}
