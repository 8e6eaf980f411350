import { certificatesAndRenewals } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type ListOptions, listCertificates } from './show.js';

/** `kubexm certs list`. 3 where one runs out soon, is missing or not as it should be, or could not be looked at. */
export async function run({ options, io }: Invocation<ListOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return listCertificates({ cluster, options, io }, { reading: certificatesAndRenewals, next: 'kubexm certs renew' });
}
