import type { Invocation } from '../command-spec.js';
import type { OperationOptions } from '../operation.js';
import { runCluster } from './execute.js';
import { loadConfig } from '../load.js';

/** `kubexm cluster create` */
export async function run({ options, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return (await runCluster({ cluster, options, io })).exitCode;
}
