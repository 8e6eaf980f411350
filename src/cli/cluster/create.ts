import type { Invocation } from '../command-spec.js';
import { type RunClusterOptions, runCluster } from './execute.js';
import { loadConfig } from './load.js';

/** `kubexm cluster create` */
export async function run({ options, io }: Invocation<RunClusterOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return (await runCluster({ cluster, options, io })).exitCode;
}
